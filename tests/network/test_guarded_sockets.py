"""Sockets that go only to checked addresses and keep the deadline, seen through the client."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pds.network.guarded_sockets import Address, deadline, remaining_s
from pds.network.http_client import (
    AddressRefusedError,
    FetchError,
    FetchTimeoutError,
    HttpClient,
)
from tests.fakes.web_server import WebServer, client, make_authority, web_server

# --- where it goes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://user:password@example.com/",
        "https:///nothing",
        "example.com",
        "https://[::1",
        "",
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(url: str) -> None:
    with client(allow_private=False) as http, pytest.raises(AddressRefusedError):
        http.get(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
    ],
)
def test_a_private_address_in_any_spelling_is_refused(host: str) -> None:
    with client(allow_private=False) as http, pytest.raises(AddressRefusedError):
        http.get(f"https://{host}/")


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["192.168.0.1", "127.0.0.1"], ["fe80::1"], ["224.0.0.1"]]
)
def test_a_name_with_only_private_addresses_is_refused(addresses: list[str]) -> None:
    with (
        client(
            allow_private=False, resolve=lambda *_: [_address(text) for text in addresses]
        ) as http,
        pytest.raises(AddressRefusedError, match="no public address"),
    ):
        http.get("https://rebound.example.com/")


@pytest.fixture
def public_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own server is the one address that counts as public."""
    monkeypatch.setattr(
        "pds.network.guarded_sockets.is_public", lambda address: address == "127.0.0.1"
    )


@pytest.mark.usefixtures("public_loopback")
def test_of_mixed_addresses_only_the_public_one_is_contacted(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "mixed.example.com")
    with web_server(authority.server()) as server, web_server() as inside:
        private = (socket.AF_INET6, ("::1", inside.port))

        with client(
            allow_private=False,
            tls=authority.client(),
            resolve=lambda *_: [private, *server.resolve("", 0)],
        ) as http:
            http.get("https://mixed.example.com/")

        assert len(server.asked) == 1
        assert inside.connections == 0


@pytest.mark.usefixtures("public_loopback")
def test_a_name_that_changes_its_mind_gains_nothing(tmp_path: Path) -> None:
    """DNS rebinding: one look-up per connection, and what was checked is what is used."""
    authority = make_authority(tmp_path, "rebound.example.com")
    with web_server(authority.server()) as server:
        server.text("/", "once", Connection="close")
        answers = [server.resolve("", 0), [_address("10.0.0.1")]]

        with client(
            allow_private=False, tls=authority.client(), resolve=lambda *_: answers.pop(0)
        ) as http:
            assert http.get("https://rebound.example.com/").body == b"once"
            assert len(answers) == 1
            with pytest.raises(AddressRefusedError):
                http.get("https://rebound.example.com/")


def test_a_kept_connection_serves_only_its_own_client(server: WebServer, http: HttpClient) -> None:
    server.text("/", "private")
    http.get(server.url + "/")

    with client(allow_private=False) as strict, pytest.raises(AddressRefusedError):
        strict.get(f"https://127.0.0.1:{server.port}/")

    assert server.connections == 1


def test_the_certificate_must_be_for_the_name(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "right.example.com")

    with (
        web_server(authority.server()) as server,
        client(tls=authority.client(), resolve=server.resolve) as http,
    ):
        server.text("/", "over TLS")

        assert http.get("https://right.example.com/").body == b"over TLS"
        with pytest.raises(FetchError, match=r"wrong\.example\.com could not be reached"):
            http.get("https://wrong.example.com/")
    assert server.asked[0].headers["host"] == "right.example.com"


def test_an_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "right.example.com")

    with (
        web_server(authority.server()) as server,
        client(tls=ssl.create_default_context(), resolve=server.resolve) as http,
        pytest.raises(FetchError),
    ):
        http.get("https://right.example.com/")


def test_a_second_address_is_tried_when_the_first_is_dead(server: WebServer) -> None:
    server.text("/", "alive")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = (socket.AF_INET, ("127.0.0.1", unused.getsockname()[1]))
        addresses = [dead, *server.resolve("", 0)]

        with client(resolve=lambda *_: addresses) as http:
            assert http.get("http://two.example.com/").body == b"alive"


def test_an_unknown_name_and_a_closed_port_are_failures(http: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError):
            http.get(f"http://127.0.0.1:{unused.getsockname()[1]}/")

    def unknown(host: str, _port: int) -> list[Address]:
        raise socket.gaierror(host)

    with client(resolve=unknown) as other, pytest.raises(FetchError):
        other.get("https://nowhere.example.com/")


def test_a_host_that_is_no_name_is_a_failure(http: HttpClient) -> None:
    with pytest.raises(FetchError):
        http.get(f"http://{'a' * 64}.example.com/")


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:1/", "https://10.0.0.1/", "https://localhost/", "file:///etc/passwd"],
)
@pytest.mark.usefixtures("public_loopback")
def test_every_hop_is_checked(tmp_path: Path, target: str) -> None:
    authority = make_authority(tmp_path, "open.example.com")
    with web_server(authority.server()) as server:
        server.text("/", "", 302, Location=target)

        def resolve(host: str, _port: int) -> list[Address]:
            if host == "open.example.com":
                return server.resolve(host, 0)
            return [_address("10.0.0.1")]

        with (
            client(allow_private=False, tls=authority.client(), resolve=resolve) as http,
            pytest.raises(AddressRefusedError),
        ):
            http.get("https://open.example.com/", max_redirects=3)
        assert len(server.asked) == 1


# --- deadlines ----------------------------------------------------------------------------------


def test_silence_ends_in_time(server: WebServer, http: HttpClient) -> None:
    silence = threading.Event()

    def say_nothing(_handler: Any) -> None:
        silence.wait(5)

    server.routes["/"] = say_nothing
    started = time.monotonic()
    with pytest.raises(FetchTimeoutError):
        http.get(server.url + "/", timeout_s=0.1)
    silence.set()

    assert time.monotonic() - started < 2


@pytest.mark.parametrize("part", ["status", "header", "body", "chunk size"])
def test_dripping_ends_in_time(server: WebServer, http: HttpClient, part: str) -> None:
    """Every byte comes soon enough for a read timeout; the whole never comes."""
    head = b"HTTP/1.1 200 OK\r\n"
    before = {
        "status": b"",
        "header": head,
        "body": head + b"content-length: 999\r\n\r\n",
        "chunk size": head + b"transfer-encoding: chunked\r\n\r\n",
    }[part]
    stopping = threading.Event()

    def drip(handler: Any) -> None:
        handler.wfile.write(before)
        for _ in range(200):
            handler.wfile.write(b"0" if part == "chunk size" else b"H")
            if stopping.wait(0.03):
                return

    server.routes["/"] = drip
    started = time.monotonic()
    with pytest.raises(FetchTimeoutError):
        http.get(server.url + "/", timeout_s=0.25)
    stopping.set()

    assert time.monotonic() - started < 2


def test_dripping_over_tls_ends_in_time(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "slow.example.com")
    stopping = threading.Event()

    def drip(handler: Any) -> None:
        for _ in range(200):
            handler.wfile.write(b"H")
            if stopping.wait(0.03):
                return

    with (
        web_server(authority.server()) as server,
        client(tls=authority.client(), resolve=server.resolve) as http,
    ):
        server.routes["/"] = drip
        with pytest.raises(FetchTimeoutError):
            http.get("https://slow.example.com/", timeout_s=0.25)
        stopping.set()


def test_a_slow_name_service_ends_in_time() -> None:
    answer = threading.Event()

    def slow(_host: str, _port: int) -> list[Address]:
        answer.wait(5)
        return []

    with client(resolve=slow) as http, pytest.raises(FetchTimeoutError):
        http.get("https://slow.example.com/", timeout_s=0.05)
    answer.set()


def test_a_handshake_that_never_ends_does(server: WebServer) -> None:
    """A TCP listener that accepts and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        addresses = [(socket.AF_INET, listener.getsockname())]

        with client(resolve=lambda *_: addresses) as http, pytest.raises(FetchTimeoutError):
            http.get("https://mute.example.com/", timeout_s=0.1)


def test_a_time_limit_does_not_outlive_its_request(server: WebServer, http: HttpClient) -> None:
    server.text("/", "")
    http.get(server.url + "/", timeout_s=0.2)
    time.sleep(0.25)

    assert http.get(server.url + "/", timeout_s=5).status == 200
    assert server.connections == 1


def test_without_a_deadline_the_default_holds() -> None:
    assert remaining_s(7.0) == 7.0
    with deadline(60):
        assert remaining_s(7.0) == 7.0
        assert 59 < remaining_s(120) <= 60
    with deadline(-1), pytest.raises(TimeoutError):
        remaining_s(7.0)


def test_a_name_without_addresses_is_a_failure() -> None:
    with client(resolve=lambda *_: []) as http, pytest.raises(FetchError):
        http.get("https://empty.example.com/")


def _address(text: str) -> Address:
    return (socket.AF_INET6 if ":" in text else socket.AF_INET, (text, 443))
