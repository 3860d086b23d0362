"""From DIDs to documents: did:plc through a directory, did:web over https."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pds.errors import UnresolvableDidError, UpstreamFailureError
from pds.network.did_resolver import (
    DidEndedError,
    DidNotFoundError,
    DidResolutionError,
    DidResolver,
)
from pds.network.plc_directory import NotRegisteredError, TombstonedDidError
from tests.fakes.web_server import WebServer, client, make_authority, web_server

PLC = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
HOST = "alice.example.com"
WEB = f"did:web:{HOST}"


class Directory:
    """Knows what it is told."""

    def __init__(self, **documents: Any) -> None:
        self.documents: dict[str, Any] = documents

    def document(self, did: str) -> dict[str, Any]:
        found = self.documents.get(did)
        if isinstance(found, Exception):
            raise found
        if found is None:
            raise NotRegisteredError
        return dict(found)


@contextmanager
def resolver(**documents: Any) -> Iterator[DidResolver]:
    with client(allow_private=False) as http:
        yield DidResolver(Directory(**documents), http)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[WebServer, DidResolver]]:
    """The server behind https://alice.example.com, and a resolver that finds it."""
    authority = make_authority(tmp_path, HOST)
    with (
        web_server(authority.server()) as server,
        client(tls=authority.client(), resolve=server.resolve) as http,
    ):
        yield server, DidResolver(Directory(), http, timeout_s=0.3)


def test_did_plc_that_has_ended_is_told_apart() -> None:
    with (
        resolver(**{PLC: TombstonedDidError()}) as resolve,
        pytest.raises(DidEndedError, match="ended by its owner"),
    ):
        resolve.resolve(PLC)


def test_did_plc_comes_from_the_directory() -> None:
    document = {"id": PLC, "alsoKnownAs": ["at://alice.test"]}

    with resolver(**{PLC: document}) as resolve:
        assert resolve.resolve(PLC) == document


def test_did_plc_that_is_not_registered_is_not_found() -> None:
    with resolver() as resolve, pytest.raises(DidNotFoundError, match=PLC):
        resolve.resolve(PLC)


def test_a_silent_directory_is_not_an_absence() -> None:
    with (
        resolver(**{PLC: UpstreamFailureError("down")}) as resolve,
        pytest.raises(DidResolutionError, match="down"),
    ):
        resolve.resolve(PLC)


def test_a_document_of_somebody_else_is_refused() -> None:
    with (
        resolver(**{PLC: {"id": "did:plc:somebodyelse"}}) as resolve,
        pytest.raises(DidResolutionError),
    ):
        resolve.resolve(PLC)


@pytest.mark.parametrize(
    "did",
    [
        "did:plc:short",
        "did:plc:ewvi7nxzyoun6zhxrhs64oi1",
        "did:plc:EWVI7NXZYOUN6ZHXRHS64OIZ",
        f"{PLC}/log",
        "did:plc:../../../etc/passwd/12345",
        "did:key:zQ3shZc2QzApp2oymGvQbzP8eKheVshBHbU4ZYjeXqwSKEn6N",
        "nonsense",
        "did:web:",
        "did:web:localhost",
        "did:web:localhost%3A2583",
        "did:web:example.com%3A8080",
        "did:web:example.com:user:alice",
        "did:web:example.com/path",
        "did:web:user@example.com",
        "did:web:127.0.0.1",
        "did:web:%5B%3A%3A1%5D",
        "did:web:pds.local",
        "did:web:pds.internal",
        "did:web:pds.onion",
        "did:web:pds.test",
        "did:web:single",
    ],
)
def test_what_cannot_be_resolved_is_not_asked_for(did: str) -> None:
    with resolver() as resolve, pytest.raises(DidNotFoundError):
        resolve.resolve(did)


def test_did_web_comes_from_its_host(web: tuple[WebServer, DidResolver]) -> None:
    server, resolve = web
    server.text("/.well-known/did.json", json.dumps({"id": WEB}))

    assert resolve.resolve(WEB) == {"id": WEB}
    assert server.asked[0].headers["host"] == HOST


@pytest.mark.parametrize("status", [404, 410, 401])
def test_did_web_without_document_is_not_found(
    web: tuple[WebServer, DidResolver], status: int
) -> None:
    server, resolve = web
    server.text("/.well-known/did.json", json.dumps({"id": WEB}), status)

    with pytest.raises(DidNotFoundError):
        resolve.resolve(WEB)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps({"id": WEB}), 500),
        (json.dumps({"id": WEB}), 302),
        (json.dumps({"id": PLC}), 200),
        (json.dumps([WEB]), 200),
        ("{}", 200),
        ("null", 200),
        ("<html>", 200),
        ("", 200),
        ("[" * 100_000, 200),
        ('{"id": "' + "a" * 300_000 + '"}', 200),
    ],
)
def test_did_web_with_a_bad_answer_fails(
    web: tuple[WebServer, DidResolver], body: str, status: int
) -> None:
    server, resolve = web
    server.text("/.well-known/did.json", body, status, Location="/elsewhere.json")
    server.text("/elsewhere.json", json.dumps({"id": WEB}))

    with pytest.raises(DidResolutionError):
        resolve.resolve(WEB)


def test_did_web_at_a_private_address_fails() -> None:
    with web_server() as server, client(allow_private=False, resolve=server.resolve) as http:
        resolve = DidResolver(Directory(), http)

        with pytest.raises(DidResolutionError, match="no public address"):
            resolve.resolve(WEB)

        assert server.connections == 0


def test_did_web_of_localhost_is_for_development() -> None:
    with web_server() as server, client() as http:
        did = f"did:web:localhost%3A{server.port}"
        server.text("/.well-known/did.json", json.dumps({"id": did}))

        assert DidResolver(Directory(), http, allow_localhost=True).resolve(did) == {"id": did}
        with pytest.raises(UnresolvableDidError):
            DidResolver(Directory(), http).resolve(did)
