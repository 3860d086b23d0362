"""A real Hearth in a process of its own, and a small client for it.

What takes longest about a start is to import everything. The processes are therefore forked from
one that has done so, unless a test is about the start itself.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests import ready_app

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 30
STOP_LIMIT_S = 15


class HttpError(Exception):
    """The server answered with an error: ``status``, ``body`` (the decoded JSON)."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Forked:
    """``app.main`` in a process that was forked; what ``ServerProcess`` uses of a Popen."""

    _context = multiprocessing.get_context("forkserver")
    _context.set_forkserver_preload([ready_app.__name__])

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._process = self._context.Process(target=ready_app.run, args=(env, log), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        self._process.join(timeout_s)
        status = self._process.exitcode
        assert status is not None, f"still running after {timeout_s} s"
        self._process.close()
        return status

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


class ServerProcess:
    """Starts app.py on a data directory; can be stopped, or killed, and started again.

    afresh: in a Python of its own, as the operator does.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        afresh: bool = False,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.log"
        self._settings = dict(settings or {})
        self._afresh = afresh
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PDS_")}
        env |= {"PDS_PORT": str(self.port), "PDS_DATA_DIRECTORY": str(self.data), **self._settings}
        self._process = _started(env, self.log) if self._afresh else Forked(env, self.log)
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit:
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-4000:]
            try:
                self.get("_health")
            except (OSError, HttpError):
                time.sleep(0.03)
            else:
                return
        message = f"no answer in {START_LIMIT_S} s: {self.log.read_text(errors='replace')[-4000:]}"
        raise AssertionError(message)

    def kill(self) -> None:
        """kill -9: the process gets no chance to tidy up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(STOP_LIMIT_S)
        self._process = None
        return status

    def get(self, nsid: str, *, token: str | None = None, **params: Any) -> Any:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        return self._send("GET", f"/xrpc/{nsid}{query}", token, None, {})

    def post(
        self, nsid: str, body: Any = None, *, token: str | None = None, content_type: str = ""
    ) -> Any:
        """``body``: bytes are sent as they are, anything else as JSON, None as no body."""
        headers = {}
        data = None
        if body is not None:
            headers["Content-Type"] = content_type or "application/json"
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._send("POST", f"/xrpc/{nsid}", token, data, headers)

    def _send(
        self, method: str, path: str, token: str | None, data: bytes | None, headers: dict[str, str]
    ) -> Any:
        if token:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _decoded(response.read(), response.headers.get("Content-Type", ""))
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, _decoded(error.read(), "application/json")) from error

    def create_account(self, name: str) -> Account:
        reply = self.post(
            "com.atproto.server.createAccount",
            {
                "handle": f"{name}.test",
                "email": f"{name}@mail.example.com",
                "password": "pass-word",
            },
        )
        return Account(self, reply["did"], reply["handle"], reply["accessJwt"])


def _started(env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")],
            cwd=ROOT,
            env=env,
            stdout=stream,
            stderr=stream,
            stdin=subprocess.DEVNULL,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """An account with a session."""

    server: ServerProcess
    did: str
    handle: str
    token: str

    def post(self, text: str, **fields: Any) -> Any:
        """Write an app.bsky.feed.post; the reply of createRecord."""
        record = {
            "$type": "app.bsky.feed.post",
            "text": text,
            "createdAt": "2026-01-01T00:00:00.000Z",
            **fields,
        }
        body = {"repo": self.did, "collection": "app.bsky.feed.post", "record": record}
        return self.server.post("com.atproto.repo.createRecord", body, token=self.token)


def _decoded(body: bytes, content_type: str) -> Any:
    if not body or not content_type.startswith("application/json"):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return body
