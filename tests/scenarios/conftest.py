"""One server for all scenarios in which nothing may change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile_client import Site, open_site, unexpected_errors


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("bad_input") / "data") as site:
        yield site


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The server; whatever a test sends must leave it as it was, and no bug in its log."""
    before, log_size = shared_site.state(), shared_site.server.log.stat().st_size
    yield shared_site
    assert shared_site.state() == before
    assert unexpected_errors(shared_site.server.log, log_size) == ""
