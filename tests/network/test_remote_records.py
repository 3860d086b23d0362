"""Asking other servers for the proof of a record."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pds.network.http_client import (
    AddressRefusedError,
    FetchTimeoutError,
    ResponseStatusError,
    ResponseTooLargeError,
)
from pds.network.remote_records import MAX_BYTES, RemoteRecords
from tests.fakes.web_server import client, web_server

DID = "did:web:ours.net"
QUERY = "/xrpc/com.atproto.sync.getRecord?did=did%3Aweb%3Aours.net&collection=a.b.c&rkey=x%26y"


def test_proof_is_asked_for_with_everything_escaped() -> None:
    with web_server() as server, client() as http:
        server.text(QUERY, b"\x01car", content_type="application/vnd.ipld.car")

        assert RemoteRecords(http).proof(server.url, DID, "a.b.c", "x&y") == b"\x01car"
        assert server.asked[0].headers["accept"] == "application/vnd.ipld.car"


def test_refusals_redirects_and_floods_are_failures() -> None:
    with web_server() as server, client() as http:
        remote = RemoteRecords(http)
        server.text(QUERY, '{"error": "RecordNotFound"}', 400)
        with pytest.raises(ResponseStatusError, match="status 400"):
            remote.proof(server.url, DID, "a.b.c", "x&y")
        server.text(QUERY, "", 302, location=f"{server.url}/elsewhere")
        with pytest.raises(ResponseStatusError, match="status 302"):
            remote.proof(server.url, DID, "a.b.c", "x&y")
        server.text(QUERY, bytes(MAX_BYTES + 1))
        with pytest.raises(ResponseTooLargeError):
            remote.proof(server.url, DID, "a.b.c", "x&y")
        assert {asked.path for asked in server.asked} == {QUERY}


def test_drip_is_ended() -> None:
    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    with web_server() as server, client() as http:
        server.routes[QUERY] = drip
        with pytest.raises(FetchTimeoutError):
            RemoteRecords(http, timeout_s=0.3).proof(server.url, DID, "a.b.c", "x&y")


def test_servers_inside_are_not_asked() -> None:
    with web_server() as server, client(allow_private=False, resolve=server.resolve) as http:
        for url in (server.url, "https://127.0.0.1", "https://[::1]", "https://pds.ours.net"):
            with pytest.raises(AddressRefusedError):
                RemoteRecords(http).proof(url, DID, "a.b.c", "x")
        assert server.connections == 0
