"""A fake event stream and two kinds of subscriber: a client library's, and a bare socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simple_websocket import Client, ConnectionClosed

from pds.errors import FutureCursorError
from pds.xrpc.method import Call
from tests.web.harness import Running

PATH = "/xrpc/test.web.subscribe"
NSID = "test.web.subscribe"
HANDSHAKE = (
    f"GET {PATH} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
)


class Stream:
    """A sequencer and its subscriptions in one: frames that the test adds reach everybody."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.news = threading.Condition()
        self.stopped = False
        self.closed = 0

    def add(self, *frames: bytes) -> None:
        with self.news:
            self.frames.extend(frames)
            self.news.notify_all()

    def stop(self) -> None:
        with self.news:
            self.stopped = True
            self.news.notify_all()

    def open(self, call: Call) -> Any:
        cursor = call.params.get("cursor")
        if cursor is not None and cursor > len(self.frames):
            raise FutureCursorError
        return Place(self, cursor)


class Place:
    def __init__(self, stream: Stream, cursor: int | None) -> None:
        self.stream = stream
        self.position = len(stream.frames) if cursor is None else cursor
        self.opening_frames = [b"opening"] if cursor == 0 else []
        self.is_live = False

    @property
    def behind(self) -> int:
        return len(self.stream.frames) - self.position

    @property
    def stopped(self) -> bool:
        return self.stream.stopped

    def wait_frames(self, timeout_s: float) -> list[bytes]:
        with self.stream.news:
            if not self.behind and not self.stopped:
                self.stream.news.wait(timeout_s)
            frames = self.stream.frames[self.position : self.position + 100]
            self.position += len(frames)
        self.is_live = self.is_live or not self.behind
        return frames

    def close(self) -> None:
        self.stream.closed += 1


@contextmanager
def subscriber(web: Running, query: str = "") -> Iterator[Client]:
    # Byte by byte: this client loses sight of frames that come together with the handshake.
    client = Client.connect(f"ws://127.0.0.1:{web.port}{PATH}{query}", receive_bytes=1)
    client.receive_bytes = 65_536
    try:
        yield client
    finally:
        try:
            client.close()
        except ConnectionClosed:
            client.sock.close()
        client.thread.join(5)


@contextmanager
def open_raw(
    web: Running, extra: str = "", *, path: str = PATH, receive_buffer: int | None = None
) -> Iterator[socket.socket]:
    """A WebSocket without a client library, after the handshake."""
    with socket.socket() as sock:
        sock.settimeout(10)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(("127.0.0.1", web.port))
        sock.sendall((HANDSHAKE.replace(PATH, path) + extra + "\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"xtensions" not in head
        yield sock


def wait_for(condition: Any, timeout_s: float = 6.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
