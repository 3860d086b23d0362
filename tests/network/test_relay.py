"""Asking a relay to come."""

from __future__ import annotations

import json

import pytest

from pds.network.http_client import ResponseStatusError
from pds.network.relay import Relay
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
