"""Another server, and our way to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pds.network.http_client import HttpClient
from tests.fakes.web_server import WebServer, client, web_server


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with client() as made:
        yield made
