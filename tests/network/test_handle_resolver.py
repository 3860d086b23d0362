"""From handles to DIDs: DNS, https, backup name servers, an app view."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from pds.network.dns_txt import DnsError, DnsTxt
from pds.network.handle_resolver import AppViewHandles, HandleResolutionError, HandleResolver
from pds.network.http_client import FetchError
from tests.fakes.dns_server import DnsServer, dns_server
from tests.fakes.web_server import WebServer, client, make_authority, web_server

HANDLE = "alice.example.com"
RECORD = f"_atproto.{HANDLE}"
WELL_KNOWN = "/.well-known/atproto-did"
ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
MALLORY = "did:plc:z72i7hdynmk6r22z27h6tvur"


@dataclass
class Net:
    """The outside: name servers, and the web server behind the handle."""

    dns: DnsServer
    backup: DnsServer
    web: WebServer
    resolver: HandleResolver


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    authority = make_authority(tmp_path, HANDLE)
    with (
        dns_server() as dns,
        dns_server() as backup,
        web_server(authority.server()) as web,
        client(tls=authority.client(), resolve=web.resolve) as http,
    ):
        resolver = HandleResolver(
            http,
            dns=DnsTxt([dns.address]),
            backup_dns=DnsTxt([backup.address]),
            timeout_s=0.3,
        )
        yield Net(dns, backup, web, resolver)
        let_requests_end()


def let_requests_end() -> None:
    """Where DNS has won, the question by https goes on; a server that closes on it leaks a socket.

    ``ssl`` leaves the socket to the garbage collector when the peer is gone before the handshake.
    """
    for thread in threading.enumerate():
        if thread.name == "handle-http":
            thread.join(5)


def test_a_dns_record_names_the_did(net: Net) -> None:
    net.dns.texts[RECORD] = [[f"did={ALICE}"]]

    assert net.resolver.resolve(HANDLE) == ALICE
    assert net.dns.asked == [RECORD]


def test_the_handle_is_compared_in_lower_case(net: Net) -> None:
    net.dns.texts[RECORD] = [[f"did={ALICE}"]]

    assert net.resolver.resolve("Alice.Example.COM") == ALICE


def test_the_pieces_of_a_record_are_joined(net: Net) -> None:
    net.dns.texts[RECORD] = [["did=did:plc:", "ewvi7nxzyoun6zhxrhs64oiz"]]

    assert net.resolver.resolve(HANDLE) == ALICE


def test_records_about_something_else_do_not_count(net: Net) -> None:
    net.dns.texts[RECORD] = [
        ["v=spf1 -all"],
        ["DID=nothing"],
        [f"did={ALICE}"],
        [f"x did={MALLORY}"],
    ]

    assert net.resolver.resolve(HANDLE) == ALICE


def test_the_same_record_twice_is_no_conflict(net: Net) -> None:
    net.dns.texts[RECORD] = [[f"did={ALICE}"], ["did=did:plc:", ALICE.removeprefix("did:plc:")]]

    assert net.resolver.resolve(HANDLE) == ALICE


def test_records_that_disagree_are_a_failure_whatever_else_is_known(net: Net) -> None:
    net.dns.texts[RECORD] = [[f"did={ALICE}"], [f"did={MALLORY}"]]
    net.backup.texts[RECORD] = [[f"did={ALICE}"]]
    net.web.text(WELL_KNOWN, ALICE)

    with pytest.raises(HandleResolutionError, match="more than one"):
        net.resolver.resolve(HANDLE)


def test_dns_wins_over_https(net: Net) -> None:
    net.dns.texts[RECORD] = [[f"did={ALICE}"]]
    net.web.text(WELL_KNOWN, MALLORY)

    assert net.resolver.resolve(HANDLE) == ALICE


@pytest.mark.parametrize("body", [ALICE, f"  {ALICE}\r\n", f"{ALICE}\nand more\n"])
def test_without_a_record_the_web_server_names_the_did(net: Net, body: str) -> None:
    net.web.text(WELL_KNOWN, body, Content_Type="text/plain")

    assert net.resolver.resolve(HANDLE) == ALICE
    assert net.web.asked[0].headers["host"] == HANDLE


def test_an_unusable_record_leaves_it_to_https(net: Net) -> None:
    net.dns.texts[RECORD] = [["did=nonsense"]]
    net.web.text(WELL_KNOWN, ALICE)

    assert net.resolver.resolve(HANDLE) == ALICE


@pytest.mark.parametrize("trouble", ["empty", "refused", "servfail", "silent"])
def test_trouble_with_dns_leaves_it_to_https(net: Net, trouble: str) -> None:
    net.web.text(WELL_KNOWN, ALICE)
    net.dns.texts[RECORD] = []
    net.dns.silent = trouble == "silent"
    net.dns.rcode = {"refused": dns.rcode.REFUSED, "servfail": dns.rcode.SERVFAIL}.get(
        trouble, dns.rcode.NOERROR
    )

    assert net.resolver.resolve(HANDLE) == ALICE


def test_redirects_are_followed(net: Net) -> None:
    net.web.text(WELL_KNOWN, "", 301, Location="/elsewhere")
    net.web.text("/elsewhere", ALICE)

    assert net.resolver.resolve(HANDLE) == ALICE


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (ALICE, 404),
        (ALICE, 500),
        ("<html>", 200),
        ("", 200),
        (f"the DID is {ALICE}", 200),
        (f"\n{'x' * 10_000}", 200),
        (b"\xff\xfe", 200),
    ],
)
def test_a_bad_answer_resolves_to_nothing(net: Net, body: str | bytes, status: int) -> None:
    net.web.text(WELL_KNOWN, body, status)

    with pytest.raises(HandleResolutionError):
        net.resolver.resolve(HANDLE)


def test_backup_name_servers_are_asked_last(net: Net) -> None:
    net.backup.texts[RECORD] = [[f"did={ALICE}"]]
    net.web.text(WELL_KNOWN, MALLORY)
    assert net.resolver.resolve(HANDLE) == MALLORY
    assert net.backup.asked == []

    del net.web.routes[WELL_KNOWN]

    assert net.resolver.resolve(HANDLE) == ALICE


def test_silence_everywhere_ends_in_time(net: Net) -> None:
    stopping = threading.Event()

    def say_nothing(_handler: Any) -> None:
        stopping.wait(5)

    net.dns.silent = net.backup.silent = True
    net.web.routes[WELL_KNOWN] = say_nothing
    started = time.monotonic()
    with pytest.raises(HandleResolutionError):
        net.resolver.resolve(HANDLE)
    stopping.set()

    assert time.monotonic() - started < 2


def test_a_handle_too_long_for_dns_is_asked_over_https_only(tmp_path: Path) -> None:
    handle = ".".join(["a" * 60] * 4 + ["com"])
    authority = make_authority(tmp_path, handle)
    with (
        dns_server() as dns,
        web_server(authority.server()) as web,
        client(tls=authority.client(), resolve=web.resolve) as http,
    ):
        web.text(WELL_KNOWN, ALICE)

        assert HandleResolver(http, dns=DnsTxt([dns.address])).resolve(handle) == ALICE

        assert dns.asked == []


@pytest.mark.parametrize(
    "handle",
    [
        "alice.local",
        "alice.internal",
        "alice.onion",
        "alice.arpa",
        "alice.test",
        "handle.invalid",
        "localhost",
        "127.0.0.1",
        "not a handle",
        "alice.example.com.",
        "",
    ],
)
def test_what_is_no_usable_handle_is_not_looked_up(net: Net, handle: str) -> None:
    with pytest.raises(HandleResolutionError):
        net.resolver.resolve(handle)

    assert net.dns.asked == []
    assert net.web.connections == 0


def test_handles_below_test_are_looked_up_in_development() -> None:
    with dns_server() as dns, client() as http:
        dns.texts["_atproto.alice.test"] = [[f"did={ALICE}"]]
        resolver = HandleResolver(http, dns=DnsTxt([dns.address]), timeout_s=0.3, allow_test=True)

        assert resolver.resolve("alice.test") == ALICE


def test_a_private_web_server_is_not_asked() -> None:
    with (
        dns_server() as dns,
        web_server() as web,
        client(allow_private=False, resolve=web.resolve) as http,
    ):
        web.text(WELL_KNOWN, ALICE)

        with pytest.raises(HandleResolutionError):
            HandleResolver(http, dns=DnsTxt([dns.address])).resolve(HANDLE)

        assert web.connections == 0


def test_name_servers_may_be_names_and_have_ports() -> None:
    with dns_server() as dns:
        dns.texts["a.example.com"] = [["value"]]

        assert DnsTxt([f"localhost:{dns.port}"]).texts("a.example.com", 1) == ["value"]


def test_a_name_server_that_is_not_there_is_no_answer() -> None:
    with pytest.raises(DnsError):
        DnsTxt(["127.0.0.1:1"]).texts("a.example.com", 0.1)


# --- the app view -------------------------------------------------------------------------------


def test_an_app_view_is_asked_for_the_handle() -> None:
    with web_server() as server, client() as http:
        path = f"/xrpc/com.atproto.identity.resolveHandle?handle={HANDLE}"
        server.text(path, f'{{"did":"{ALICE}"}}')

        assert AppViewHandles(server.url + "/", http).resolve(HANDLE) == ALICE


@pytest.mark.parametrize("body", ["{}", "[]", '{"did":"nonsense"}', '{"did":7}', "<html>"])
def test_an_app_view_that_answers_nonsense_knows_nothing(body: str) -> None:
    with web_server() as server, client() as http:
        server.text(f"/xrpc/com.atproto.identity.resolveHandle?handle={HANDLE}", body)

        with pytest.raises(HandleResolutionError):
            AppViewHandles(server.url, http).resolve(HANDLE)


def test_an_app_view_that_does_not_know_says_so() -> None:
    with web_server() as server, client() as http, pytest.raises(FetchError):
        AppViewHandles(server.url, http).resolve(HANDLE)
