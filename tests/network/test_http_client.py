"""The one HTTP client: where it goes, how long it waits, how much it takes."""

from __future__ import annotations

import gzip
import socket
from typing import Any

import pytest

from pds.network.http_client import (
    FetchError,
    HttpClient,
    Request,
    ResponseStatusError,
    ResponseTooLargeError,
    TooManyRedirectsError,
)
from tests.fakes.web_server import WebServer, web_server


def test_an_answer_is_returned_whatever_its_status(server: WebServer, http: HttpClient) -> None:
    server.text("/found", "here", Content_Type="text/plain")

    found, missing = http.get(f"{server.url}/found"), http.get(f"{server.url}/missing")

    assert (found.status, found.body, found.is_success) == (200, b"here", True)
    assert found.headers["content-type"] == "text/plain"
    assert (missing.status, missing.is_success) == (404, False)
    with pytest.raises(ResponseStatusError) as caught:
        missing.checked()
    assert caught.value.upstream_status == 404


def test_json_is_posted(server: WebServer, http: HttpClient) -> None:
    server.text("/", "{}")

    http.post_json(f"{server.url}/", {"name": "é"})

    assert server.asked[0].method == "POST"
    assert server.asked[0].body == '{"name":"é"}'.encode()
    assert server.asked[0].headers["content-type"] == "application/json"
    assert server.asked[0].headers["user-agent"].startswith("Hearth/")


def test_connections_are_kept_for_the_next_request(server: WebServer, http: HttpClient) -> None:
    server.text("/", "again")

    for _ in range(3):
        assert http.get(server.url + "/").body == b"again"

    assert server.connections == 1


# --- redirects ----------------------------------------------------------------------------------


def test_redirects_are_followed_only_when_asked_for(server: WebServer, http: HttpClient) -> None:
    server.text("/from", "", 302, Location="/to")
    server.text("/to", "arrived")

    assert http.get(f"{server.url}/from").status == 302
    followed = http.get(f"{server.url}/from", max_redirects=1)

    assert (followed.status, followed.body) == (200, b"arrived")
    assert followed.url == f"{server.url}/to"


def test_a_redirect_loop_ends(server: WebServer, http: HttpClient) -> None:
    server.text("/loop", "", 301, Location="/loop")

    with pytest.raises(TooManyRedirectsError):
        http.get(f"{server.url}/loop", max_redirects=3)

    assert len(server.asked) == 4


def test_credentials_do_not_follow_to_another_origin(server: WebServer, http: HttpClient) -> None:
    with web_server() as other:
        server.text("/here", "", 307, Location="/there")
        server.text("/there", "", 307, Location=f"{other.url}/away")
        other.text("/away", "")

        http.fetch(
            Request(f"{server.url}/here", headers={"Authorization": "secret"}, max_redirects=2)
        )

        assert [asked.headers.get("authorization") for asked in server.asked] == ["secret"] * 2
        assert "authorization" not in other.asked[0].headers


def test_a_server_that_is_not_there_is_no_timeout(http: HttpClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        port = taken.getsockname()[1]
        with pytest.raises(FetchError, match="could not be reached") as raised:
            http.get(f"http://127.0.0.1:{port}/")

    assert (raised.value.error, raised.value.status) == ("UpstreamFailure", 502)


# --- how much and how long ----------------------------------------------------------------------


def test_a_large_answer_is_refused(server: WebServer, http: HttpClient) -> None:
    server.text("/exact", bytes(1_000))
    server.text("/large", bytes(1_001))

    assert len(http.get(f"{server.url}/exact", max_bytes=1_000).body) == 1_000
    with pytest.raises(ResponseTooLargeError):
        http.get(f"{server.url}/large", max_bytes=1_000)


def test_the_limit_is_on_the_decoded_body(server: WebServer, http: HttpClient) -> None:
    server.text("/small", gzip.compress(b"unpacked"), Content_Encoding="gzip")
    server.text("/bomb", gzip.compress(bytes(50_000_000), 1), Content_Encoding="gzip")

    assert http.get(f"{server.url}/small").body == b"unpacked"
    with pytest.raises(ResponseTooLargeError):
        http.get(f"{server.url}/bomb", max_bytes=100_000)


def test_a_body_without_end_is_cut_off(server: WebServer, http: HttpClient) -> None:
    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            handler.wfile.write(bytes(65_536))

    server.routes["/"] = endless
    with pytest.raises(ResponseTooLargeError):
        http.get(server.url + "/")


def test_broken_answers_are_failures(server: WebServer, http: HttpClient) -> None:
    def write(raw: bytes) -> Any:
        def route(handler: Any) -> None:
            handler.wfile.write(raw)
            handler.close_connection = True

        return route

    server.routes["/nonsense"] = write(b"hello\r\n\r\n")
    server.routes["/short"] = write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    server.text("/unpackable", b"not gzip", Content_Encoding="gzip")

    for path in ("/nonsense", "/short", "/unpackable"):
        with pytest.raises(FetchError):
            http.get(server.url + path)
