"""Asking a relay to come."""

from __future__ import annotations

import json

import pytest

from pds.network.http_client import FetchError, ResponseStatusError
from pds.network.relay import HostStatus, Relay, RepoStatus
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

    assert found == HostStatus(7, "active", 3)


@pytest.mark.parametrize("status", [400, 404])
def test_a_relay_may_not_know_the_host(status: int) -> None:
    with web_server() as server, client() as http:
        server.text(HOST_STATUS, '{"error":"HostNotFound"}', status)

        assert Relay(server.url, http).host_status("pds.example.com") is None


@pytest.mark.parametrize("body", ["<html>", "[]"])
def test_an_answer_that_is_none_is_a_failure(body: str) -> None:
    with web_server() as server, client() as http:
        server.text(HOST_STATUS, body)

        with pytest.raises(FetchError, match="something else"):
            Relay(server.url, http).host_status("pds.example.com")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"active": true}', RepoStatus(None, None)),
        (200, '{"active": true, "rev": "3kabc"}', RepoStatus(None, "3kabc")),
        (200, '{"active": false, "status": "throttled"}', RepoStatus("throttled", None)),
        (200, '{"active": false}', RepoStatus("without a reason", None)),
        (400, '{"error": "RepoNotFound"}', None),
        (501, '{"error": "MethodNotImplemented"}', None),
    ],
)
def test_a_relay_tells_whom_it_leaves_out(
    status: int, body: str, expected: RepoStatus | None
) -> None:
    with web_server() as server, client() as http:
        server.text(REPO_STATUS, body, status)

        assert Relay(server.url, http).repo_status("did:plc:abc") == expected
