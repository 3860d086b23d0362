"""Official npm packages read what the server writes: files, proofs and the firehose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.npm import require_packages, run_script
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]

# The scripts write more in a minute than people in an hour.
SETTINGS = {"PDS_RATE_LIMITS_ENABLED": "false"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    require_packages()
    data = tmp_path_factory.mktemp("npm") / "data"
    with ServerProcess(data, settings=SETTINGS) as running:
        yield running


def test_repo_package_verifies_exports_diffs_and_proofs(server: ServerProcess) -> None:
    figures = run_script("repo.mjs", server.url)

    assert figures["records"] > 1_500
    assert figures["changes"]["writes"] > 50
    assert figures["proofs"]["present"] > 30
    assert figures["proofs"]["absent"] > 30


def test_sync_package_follows_the_firehose_live_and_from_the_start(server: ServerProcess) -> None:
    figures = run_script("firehose.mjs", server.url)

    assert figures["live"]["ops"] > 1_000
    assert figures["live"] == figures["again"]
