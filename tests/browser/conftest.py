"""One Chromium for all tests, and a server that it can visit by the server's own name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.config import Config
from pds.services import Services
from tests.browser.chromium import Chromium, started
from tests.factories import make_config
from tests.server_process import free_port
from tests.stage import Stage, open_stage
from tests.web.pages.example import example_page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    with started() as browser:
        yield browser


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Forms are only taken from pages at the server's own address, so the port is known before."""
    return make_config(tmp_path, port=str(free_port()))


@pytest.fixture
def stage(services: Services) -> Iterator[Stage]:
    """The whole server over HTTP, with the example page."""
    with open_stage(services, port=services.config.port, page=example_page()) as opened:
        yield opened


@pytest.fixture
def site(stage: Stage) -> str:
    """The server's address."""
    return stage.services.config.public_url
