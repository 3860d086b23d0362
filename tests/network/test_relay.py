"""Asking a relay to come."""

from __future__ import annotations

import json

import pytest

from pds.network.http_client import FetchError, ResponseStatusError
from pds.network.relay import HostStatus, NoSuchMethodError, Relay, RepoStatus
from tests.fakes.web_server import client, web_server

PATH = "/xrpc/com.atproto.sync.requestCrawl"


def test_a_relay_is_told_the_host_name() -> None:
    with web_server() as server, client() as http:
        server.text(PATH, "")

        Relay(server.url + "/", http).request_crawl("pds.example.com")

        assert json.loads(server.asked[0].body) == {"hostname": "pds.example.com"}


def test_a_relay_that_bans_the_host_is_a_failure() -> None:
    with web_server() as server, client() as http:
        server.text(PATH, '{"error":"HostBanned"}', 400)

        with pytest.raises(ResponseStatusError) as caught:
            Relay(server.url, http).request_crawl("pds.example.com")

        assert caught.value.upstream_status == 400


HOST_STATUS = "/xrpc/com.atproto.sync.getHostStatus?hostname=pds.example.com"
REPO_STATUS = "/xrpc/com.atproto.sync.getRepoStatus?did=did%3Aplc%3Aabc"


def test_a_relay_tells_how_far_it_has_read() -> None:
    with web_server() as server, client() as http:
        server.text(HOST_STATUS, '{"seq": 7, "status": "active", "accountCount": 3}')

        found = Relay(server.url, http).host_status("pds.example.com")

    assert found == HostStatus(7, "active")


@pytest.mark.parametrize("status", [400, 404])
def test_a_relay_may_not_know_the_host(status: int) -> None:
    with web_server() as server, client() as http:
        server.text(HOST_STATUS, '{"error":"HostNotFound"}', status)

        assert Relay(server.url, http).host_status("pds.example.com") is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (501, ""),
        (400, '{"error": "MethodNotImplemented"}'),
        (404, '{"error": "XRPCNotSupported", "message": "method not found"}'),
    ],
)
def test_a_relay_that_does_not_tell_is_none_that_does_not_know_us(status: int, body: str) -> None:
    with web_server() as server, client() as http:
        server.text(HOST_STATUS, body, status)

        with pytest.raises(NoSuchMethodError):
            Relay(server.url, http).host_status("pds.example.com")


@pytest.mark.parametrize("body", ["<html>welcome</html>", '{"error":"RateLimited"}', "[]", "null"])
def test_a_web_site_that_is_no_relay_is_a_failure(body: str) -> None:
    with web_server() as server, client() as http:
        server.text(HOST_STATUS, body, 404)

        with pytest.raises(ResponseStatusError):
            Relay(server.url, http).host_status("pds.example.com")


@pytest.mark.parametrize(
    "body", ["<html>", "[]", '{"seq": -1}', '{"seq": 9007199254740991}', "[" * 100_000]
)
def test_an_answer_that_is_none_is_a_failure(body: str) -> None:
    with web_server() as server, client() as http:
        server.text(HOST_STATUS, body)

        with pytest.raises(FetchError, match=r"something else|has read up to"):
            Relay(server.url, http).host_status("pds.example.com")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"active": true}', RepoStatus(None, None)),
        (200, '{"active": true, "rev": "3kabc"}', RepoStatus(None, "3kabc")),
        (200, '{"active": false, "status": "throttled"}', RepoStatus("throttled", None)),
        (200, '{"active": false}', RepoStatus("without a reason", None)),
        (400, '{"error": "RepoNotFound"}', None),
        (404, '{"error": "NotFound", "message": "repo not found"}', None),
    ],
)
def test_a_relay_tells_whom_it_leaves_out(
    status: int, body: str, expected: RepoStatus | None
) -> None:
    with web_server() as server, client() as http:
        server.text(REPO_STATUS, body, status)

        assert Relay(server.url, http).repo_status("did:plc:abc") == expected
