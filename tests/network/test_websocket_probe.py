"""Asking a server for a WebSocket."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from pds.network.websocket_probe import Opened, WebSocketFailedError, WebSocketProbe
from tests.fakes.certificates import Issuer
from tests.fakes.web_server import WebServer, web_server

HOST = "pds.example.com"
PATH = "/xrpc/com.atproto.sync.subscribeRepos"
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepting(*, key: str | None = None, frame: bytes = b"") -> Any:
    """A route that says yes, to the question or to another one, and then sends ``frame``."""

    def answer(handler: Any) -> None:
        asked = (key or handler.headers["sec-websocket-key"]) + MAGIC
        accept = base64.b64encode(hashlib.sha1(asked.encode()).digest()).decode()
        head = f"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        handler.wfile.write(head.encode() + frame)
        handler.close_connection = not frame
        if frame:
            handler.rfile.read(1)
            handler.close_connection = True

    return answer


def opened(issuer: Issuer, route: Any) -> Opened:
    with web_server(issuer.server(HOST)) as server:
        server.routes[PATH] = route
        return _probe(issuer, server).open(HOST, 443, PATH, 2.0)


def _probe(issuer: Issuer, server: WebServer) -> WebSocketProbe:
    return WebSocketProbe(issuer.client(), server.resolve)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (accepting(frame=b"\x82\x00"), Opened(101, is_genuine=True, has_spoken=True)),
        (accepting(), Opened(101, is_genuine=True, has_spoken=False)),
        (accepting(key="another"), Opened(101, is_genuine=False, has_spoken=False)),
        ((426, {}, b""), Opened(426, is_genuine=False, has_spoken=False)),
    ],
)
def test_what_came_of_it(tmp_path: Path, route: Any, expected: Opened) -> None:
    assert opened(Issuer(tmp_path), route) == expected


def test_what_is_no_http_is_a_failure(tmp_path: Path) -> None:
    def nonsense(handler: Any) -> None:
        handler.wfile.write(b"220 mail.example.com ESMTP\r\n\r\n")
        handler.close_connection = True

    with pytest.raises(WebSocketFailedError, match="does not speak HTTP"):
        opened(Issuer(tmp_path), nonsense)


def test_a_certificate_that_is_not_believed_is_a_failure(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    with (
        web_server(issuer.server("other.example.com")) as server,
        pytest.raises(WebSocketFailedError, match="certificate verify failed"),
    ):
        _probe(issuer, server).open(HOST, 443, PATH, 2.0)
