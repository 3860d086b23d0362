"""Documents of OAuth clients: where they may lie, what they must look like."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pds.network.client_documents import ClientDocuments, UnsuitableDocumentError
from pds.network.guarded_sockets import Address
from pds.network.http_client import (
    AddressRefusedError,
    FetchError,
    FetchTimeoutError,
    HttpClient,
    Response,
    ResponseTooLargeError,
)
from tests.fakes.web_server import Authority, WebServer, client, make_authority, web_server

HOST = "app.ours.net"
PATH = "/client.json"
URL = f"https://{HOST}{PATH}"
JSON = "application/json"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    """What answers at https://app.ours.net."""
    authority = make_authority(tmp_path, HOST)
    with web_server(authority.server()) as running:
        yield running


@pytest.fixture
def documents(server: WebServer, tmp_path: Path) -> Iterator[ClientDocuments]:
    with client(tls=make_trusted(tmp_path), resolve=server.resolve) as http:
        yield ClientDocuments(http, max_bytes=1_000, timeout_s=2.0)


def make_trusted(directory: Path) -> ssl.SSLContext:
    return Authority(directory / "certificate.pem").client()


def never(host: str, _port: int) -> list[Address]:
    raise AssertionError(f"{host} was looked up")


# --- what it must look like ---------------------------------------------------------------------


def test_document_is_fetched_with_its_size(server: WebServer, documents: ClientDocuments) -> None:
    server.text(PATH, '{"client_id": "é"}', content_type="Application/JSON; charset=utf-8")

    document = documents.metadata(URL)

    assert document.content == {"client_id": "é"}
    assert document.size_bytes == len('{"client_id": "é"}'.encode())
    (asked,) = server.asked
    assert (asked.method, asked.headers["accept"]) == ("GET", "application/json")
    assert "cookie" not in asked.headers


@pytest.mark.parametrize("status", [201, 204, 203, 206, 400, 403, 404, 410, 429, 500, 503])
def test_other_status_than_200_is_no_document(
    server: WebServer, documents: ClientDocuments, status: int
) -> None:
    server.text(PATH, "{}", status, content_type=JSON)

    with pytest.raises(UnsuitableDocumentError, match=f"status {status} in place of 200$"):
        documents.metadata(URL)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(
    server: WebServer, documents: ClientDocuments, status: int
) -> None:
    server.text(PATH, "", status, location="/elsewhere")
    server.text("/elsewhere", "{}", content_type=JSON)

    with pytest.raises(UnsuitableDocumentError, match=rf"status {status} .*not followed"):
        documents.metadata(URL)
    with pytest.raises(UnsuitableDocumentError, match="not followed"):
        documents.keys(URL)
    assert {asked.path for asked in server.asked} == {PATH}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/html", "application/json5", "application/ld+json", ""]
)
def test_content_type_must_be_json(
    server: WebServer, documents: ClientDocuments, content_type: str
) -> None:
    server.text(PATH, "{}", content_type=content_type)

    with pytest.raises(UnsuitableDocumentError, match="content type must be application/json"):
        documents.metadata(URL)


def test_type_of_keys_may_be_left_out_but_not_be_wrong(
    server: WebServer, documents: ClientDocuments
) -> None:
    server.text("/none", '{"keys": []}')
    server.text("/wrong", '{"keys": []}', content_type="text/plain")

    assert documents.keys(f"https://{HOST}/none").content == {"keys": []}
    with pytest.raises(UnsuitableDocumentError, match="'text/plain'"):
        documents.keys(f"https://{HOST}/wrong")
    with pytest.raises(UnsuitableDocumentError, match="not missing"):
        documents.metadata(f"https://{HOST}/none")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<html>",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'"\xff"',
        b"[" * 500,
        b"[" * 200 + b"]" * 200,
        rb'"\ud800"',
    ],
)
def test_what_is_no_json_is_refused(
    server: WebServer, documents: ClientDocuments, body: bytes
) -> None:
    server.text(PATH, body, content_type=JSON)

    with pytest.raises(UnsuitableDocumentError, match="the document is not JSON"):
        documents.metadata(URL)


def test_header_cannot_put_lines_into_the_message(
    server: WebServer, documents: ClientDocuments
) -> None:
    server.text(PATH, "{}", content_type="text/ht\x85ml\xe9" + "x" * 500)

    with pytest.raises(UnsuitableDocumentError) as caught:
        documents.metadata(URL)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


# --- how much and how long ----------------------------------------------------------------------


def test_size_is_limited(server: WebServer, documents: ClientDocuments) -> None:
    server.text(PATH, '"' + "x" * 998 + '"', content_type=JSON)
    server.text("/large.json", '"' + "x" * 999 + '"', content_type=JSON)

    assert documents.metadata(URL).size_bytes == 1_000
    with pytest.raises(ResponseTooLargeError):
        documents.metadata(f"https://{HOST}/large.json")


def test_limit_of_the_protocol_is_512_kibibytes(server: WebServer, tmp_path: Path) -> None:
    server.text(PATH, b'"' + b"x" * (513 * 1_024) + b'"', content_type=JSON)

    with (
        client(tls=make_trusted(tmp_path), resolve=server.resolve) as http,
        pytest.raises(ResponseTooLargeError, match="524288"),
    ):
        ClientDocuments(http).metadata(URL)


def test_patience_ends_after_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def get(_: HttpClient, url: str, **how: Any) -> Response:
        asked.update(how, url=url)
        return Response(url, 200, {"content-type": JSON}, b"{}")

    monkeypatch.setattr(HttpClient, "get", get)
    with client() as http:
        ClientDocuments(http).metadata(URL)

    assert asked == {"url": URL, "accept": JSON, "timeout_s": 10.0, "max_bytes": 524_288}


def test_drip_is_ended(server: WebServer, tmp_path: Path) -> None:
    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    server.routes[PATH] = drip
    with client(tls=make_trusted(tmp_path), resolve=server.resolve) as http:
        started = time.monotonic()
        with pytest.raises(FetchTimeoutError, match=f"{HOST} did not answer in time"):
            ClientDocuments(http, timeout_s=0.3).metadata(URL)
    assert time.monotonic() - started < 2.0


# --- where it may lie ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://app.ours.net/client.json",
        "https://app.ours.net:8443/client.json",
        "https://user@app.ours.net/client.json",
        "https://127.0.0.1/client.json",
        "https://10.0.0.1/client.json",
        "https://8.8.8.8/client.json",
        "https://[::1]/client.json",
        "https://[::ffff:127.0.0.1]/client.json",
        "https://[2606:4700::1]/client.json",
        "https://2130706433/client.json",
        "https://0x7f.1/client.json",
        "https://localhost/client.json",
        "https://intranet/client.json",
        "https://app.local/client.json",
        "https://app.test/client.json",
        "https://example.com/client.json",
        "https://app.example.org/client.json",
        "https://a.b.EXAMPLE.net/client.json",
        "https://googleusercontent.com/client.json",
        "https://x.googleusercontent.com/client.json",
        "http://127.0.0.1:5000/client.json",
        "http://[::1]:5000/client.json",
        "http://10.0.0.1/client.json",
        "file:///etc/passwd",
        "https:///client.json",
    ],
)
@pytest.mark.parametrize("what", ["metadata", "keys"])
def test_address_is_refused_without_asking_anybody(url: str, what: str) -> None:
    with client(resolve=never) as http, pytest.raises(AddressRefusedError):
        getattr(ClientDocuments(http), what)(url)


def test_similar_names_are_not_refused(server: WebServer, tmp_path: Path) -> None:
    """They are looked up: here, to nowhere."""

    def nowhere(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror

    with client(tls=make_trusted(tmp_path), resolve=nowhere) as http:
        for name in ("notexample.com", "example.com.ours.net", "localhost.ours.net"):
            with pytest.raises(FetchError, match="could not be reached") as caught:
                ClientDocuments(http).metadata(f"https://{name}/client.json")
            assert not isinstance(caught.value, AddressRefusedError)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "fd00::1",
        "fe80::1",
        "2002:7f00:1::",
    ],
)
def test_name_that_leads_inside_is_refused(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def inside(_host: str, port: int) -> list[Address]:
        return [(family, (address, port))]

    with (
        client(allow_private=False, resolve=inside) as http,
        pytest.raises(AddressRefusedError) as caught,
    ):
        ClientDocuments(http).metadata(URL)
    assert str(caught.value) == f"{HOST} has no public address"


# --- apps under test ----------------------------------------------------------------------------


def test_documents_on_the_own_machine_are_for_tests_only() -> None:
    with web_server() as own, client(allow_private=False) as strangers, client() as testing:
        own.text(PATH, "{}", content_type=JSON)
        url = f"{own.url}{PATH}"

        assert ClientDocuments(strangers, testing).metadata(url).content == {}
        with pytest.raises(AddressRefusedError, match="own machine"):
            ClientDocuments(strangers).metadata(url)
        with pytest.raises(AddressRefusedError):
            ClientDocuments(strangers, testing).metadata(f"http://10.0.0.1{PATH}")
        with pytest.raises(AddressRefusedError):
            ClientDocuments(strangers, testing).keys(f"http://localhost:{own.port}{PATH}")


def test_closed_port_is_a_failure_to_fetch() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = f"http://127.0.0.1:{port}{PATH}"
        with client() as http, pytest.raises(FetchError, match="could not be reached"):
            ClientDocuments(http, http).metadata(url)
