"""pdsadmin request-crawl."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Operator
from tests.fakes.web_server import web_server

PATH = "/xrpc/com.atproto.sync.requestCrawl"


def test_relays_are_asked_and_reported(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as relay, web_server() as other:
        relay.text(PATH, "{}")
        monkeypatch.setenv("PDS_CRAWLERS", f"{relay.url},{other.url}")

        result = operator.run("request-crawl")

        assert result.exit_code == 1
        assert result.stdout.splitlines() == [
            f"{relay.url} : asked",
            f"{other.url} : 127.0.0.1 answered with status 404",
        ]
        assert result.stderr == f"Error: not asked: {other.url}; try again later\n"
        assert json.loads(relay.asked[0].body) == {"hostname": "localhost"}
        assert operator.ask("request-crawl", relay.url) == {
            "relays": [{"relay": relay.url, "problem": None}]
        }


def test_relays_may_be_written_with_commas(operator: Operator) -> None:
    with web_server() as relay, web_server() as other:
        relay.text(PATH, "{}")
        other.text(PATH, "{}")

        asked = operator.ask("request-crawl", f"{relay.url},{other.url}")["relays"]

    assert [report["relay"] for report in asked] == [relay.url, other.url]


def test_no_relay_is_told(operator: Operator) -> None:
    assert operator.fail("request-crawl") == "no relay to ask; name one, or set PDS_CRAWLERS"
