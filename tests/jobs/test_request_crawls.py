"""The thread that tells relays."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.jobs.request_crawls import CrawlRequester
from tests.factories import make_account, make_config
from tests.fakes.web_server import WebServer, web_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pds.services import Services


@pytest.fixture
def relay() -> Iterator[WebServer]:
    with web_server() as server:
        server.text("/xrpc/com.atproto.sync.requestCrawl", "{}")
        yield server


@pytest.fixture
def config(tmp_path: Path, relay: WebServer) -> Config:
    return make_config(tmp_path, crawlers=relay.url)


def test_relay_hears_of_a_new_account(
    services: Services, relay: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pds.services.crawl_requests.LOOK_EVERY_S", 0.01)
    requester = CrawlRequester(services)
    requester.start()
    make_account(services, "alice")
    for _ in range(500):
        if relay.asked:
            break
        time.sleep(0.01)
    requester.stop(5)

    assert [asked.path for asked in relay.asked] == ["/xrpc/com.atproto.sync.requestCrawl"]
