"""A real S3 server in a process of its own, and a bad connection to put before it.

The server is nanio: small, and it checks every signature. Buckets are folders of its directory.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server_process import free_port

KEY, SECRET = "AKIATEST", "a-secret-of-the-tests"
START_LIMIT_S = 30

_numbers = itertools.count(1)


class S3Server:
    """Runs while the context lasts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()

    def __enter__(self) -> S3Server:
        where = [
            "--data-dir",
            str(self._directory),
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nanio", "serve", *where, "--log-level", "error"],
            env={**os.environ, "NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET},
            stdin=subprocess.DEVNULL,
        )
        limit = time.monotonic() + START_LIMIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None
                assert time.monotonic() < limit
                time.sleep(0.02)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def new_bucket(self) -> str:
        name = f"bucket-{next(_numbers)}"
        (self._directory / name).mkdir()
        return name

    def folder(self, bucket: str) -> Path:
        """Where it keeps the objects of the bucket, as files of their names."""
        return self._directory / bucket

    def keys(self, bucket: str) -> list[str]:
        """What is in the bucket, uploads under way included."""
        root = self._directory / bucket
        return sorted(
            str(path.relative_to(root))
            for path in root.rglob("*")
            if path.is_file() and ".nanio-meta" not in path.parts
        )

    def write(self, bucket: str, key: str, content: bytes) -> None:
        """Put an object there behind everybody's back."""
        path = self._directory / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def s3_settings(bucket: str, port: int, **changed: str) -> dict[str, str]:
    """Settings without ``PDS_`` in front, as ``make_config`` takes them."""
    values = {
        "bucket": bucket,
        "endpoint": f"http://127.0.0.1:{port}",
        "region": "us-east-1",
        "access_key_id": KEY,
        "secret_access_key": SECRET,
        "force_path_style": "true",
        **changed,
    }
    return {f"blobstore_s3_{name}": value for name, value in values.items()}


Reply = Callable[[socket.socket, socket.socket], None]


class BadLine:
    """Passes bytes between its clients and a server, until told to do something else.

    ``behave``: what becomes of what the server says; one of the functions below.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.behave: Reply = passing
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    @contextmanager
    def running(self) -> Iterator[BadLine]:
        self._start(self._accept)
        try:
            yield self
        finally:
            self.hang_up()
            for thread in self._threads:
                thread.join(5)

    def hang_up(self) -> None:
        """Take no more connections and end those there are."""
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                return
            self.connections += 1
            self._sockets += [client, server]
            self._start(lambda a=client, b=server: self._pass(a, b))  # type: ignore[misc] # bound now
            self._start(lambda a=server, b=client: self._answer(a, b))  # type: ignore[misc] # likewise

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _answer(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while source.recv(1, socket.MSG_PEEK):
                self.behave(source, target)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def passing(source: socket.socket, target: socket.socket) -> None:
    """All as it is, for a while."""
    if data := source.recv(65_536):
        target.sendall(data)


def silent(source: socket.socket, target: socket.socket) -> None:
    """Nothing of it, not even that the server hangs up."""
    while source.recv(65_536):
        pass
    while target.recv(1, socket.MSG_PEEK):
        time.sleep(0.05)


def failing(source: socket.socket, target: socket.socket) -> None:
    """Another answer."""
    source.recv(65_536)
    body = b"<Error><Code>InternalError</Code></Error>"
    head = b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    target.sendall(head % len(body) + body)
    raise OSError


def cut_off(source: socket.socket, target: socket.socket) -> None:
    """Only the beginning of it."""
    data = source.recv(65_536)
    target.sendall(data[: min(1_000, len(data) // 2)])
    target.shutdown(socket.SHUT_RDWR)
    raise OSError


def trickling(source: socket.socket, target: socket.socket) -> None:
    """All of it, in its own time."""
    target.sendall(source.recv(5_000))
    time.sleep(0.1)
