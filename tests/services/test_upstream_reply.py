from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pds.network.http_client import FetchError
from pds.network.streaming_client import StreamingClient, StreamRequest
from pds.services.upstream_reply import (
    MAX_JSON_BYTES,
    BrokenReplyError,
    UnreadableReplyError,
    UpstreamReply,
)
from tests.fakes.web_server import WebServer, web_server

CONTENT = json.dumps({"feed": [{"text": "é"}] * 500}).encode()
MAX_BYTES = 100_000


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@contextmanager
def reply(server: WebServer, ends: list[FetchError | None]) -> Iterator[UpstreamReply]:
    """The reply to a GET of ``/``; how it ends is noted."""
    http = StreamingClient(allow_private=True, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    stream = http.stream(StreamRequest(server.url, "/", "GET", {}))
    found = UpstreamReply(stream, 5.0, ends.append)
    try:
        yield found
    finally:
        found.close()
        http.close()


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_what_is_read_can_still_be_passed_on(server: WebServer, encoding: str) -> None:
    sent = gzip.compress(CONTENT) if encoding else CONTENT
    server.text("/", sent, Content_Encoding=encoding)
    ends: list[FetchError | None] = []
    with reply(server, ends) as found:
        assert found.read_json(MAX_BYTES) == json.loads(CONTENT)
        assert ends == [None]  # everything is here: the other's connection is free
        assert b"".join(found.chunks()) == sent
    assert ends == [None]


@pytest.mark.parametrize(
    ("sent", "encoding"),
    [
        (b"<html>", ""),
        (b"[" * 50_000, ""),
        (b"x" * 200_000, ""),
        (b'"' + b"x" * 1_000_000 + b'"', ""),
        (gzip.compress(b'"' + b"x" * 1_000_000 + b'"'), "gzip"),
        (b"{}", "br"),
        (b"{}", "gzip"),
    ],
    ids=["html", "deep", "large text", "large", "bomb", "unknown", "not gzip"],
)
def test_what_cannot_be_read_can_still_be_passed_on(
    server: WebServer, sent: bytes, encoding: str
) -> None:
    server.text("/", sent, Content_Encoding=encoding)
    with reply(server, []) as found:
        with pytest.raises(UnreadableReplyError):
            found.read_json(MAX_BYTES)
        assert b"".join(found.chunks()) == sent


def test_a_reply_that_breaks_off_is_not_taken_for_whole(server: WebServer) -> None:
    def half(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}")
        handler.close_connection = True

    server.routes["/"] = half
    ends: list[FetchError | None] = []
    with reply(server, ends) as found, pytest.raises(FetchError):
        found.read_json(MAX_BYTES)
    with reply(server, ends) as found, pytest.raises(BrokenReplyError):
        b"".join(found.chunks())

    assert [isinstance(end, FetchError) for end in ends] == [True, True]


def test_a_reply_that_nobody_wants_is_let_go(server: WebServer) -> None:
    server.text("/", bytes(5_000_000))
    ends: list[FetchError | None] = []
    with reply(server, ends) as found:
        next(found.chunks())

    assert ends == [None]


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_what_would_take_much_memory_is_not_read_however_much_is_allowed(
    server: WebServer, encoding: str
) -> None:
    large = b'"' + b"x" * MAX_JSON_BYTES + b'"'
    sent = gzip.compress(large) if encoding else large
    server.text("/", sent, Content_Encoding=encoding)
    with reply(server, []) as found:
        with pytest.raises(UnreadableReplyError):
            found.read_json(100 * MAX_JSON_BYTES)
        assert b"".join(found.chunks()) == sent
