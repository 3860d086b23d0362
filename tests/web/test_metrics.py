"""/metrics: what Prometheus is told, and who else is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.config import Config
from tests.belongings import fill
from tests.factories import Person, make_config
from tests.stage import Stage

TOKEN = "a token for who watches"


def samples(text: str) -> dict[str, float]:
    """By name with labels."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def read(stage: Stage, **headers: str) -> dict[str, float]:
    answer = stage.web.get("/metrics", **headers)
    assert answer.status == 200, answer.body
    return samples(answer.body.decode())


def test_it_tells_how_much_there_is(stage: Stage, alice: Person, bob: Person) -> None:
    fill(stage.services, alice)
    stage.services.accounts.deactivate(bob.did)

    found = read(stage)

    assert found['hearth_accounts{status="active"}'] == 1
    assert found['hearth_accounts{status="deactivated"}'] == 1
    assert found["hearth_blobs"] == 4
    assert found["hearth_sessions"] == 2
    assert found["hearth_firehose_last_seq"] == stage.services.sequencer.last_seq
    assert found["hearth_disk_free_bytes"] > 0
    assert found["hearth_database_bytes"] > 0
    assert found["process_resident_memory_bytes"] > 0
    assert "hearth_backup_timestamp_seconds" not in found


def test_it_counts_requests_by_method_and_outcome(stage: Stage, alice: Person) -> None:
    session = "com.atproto.server.getSession"
    for _ in range(3):
        stage.web.get(f"/xrpc/{session}", Authorization=f"Bearer {alice.access_jwt}")
    stage.web.get(f"/xrpc/{session}")

    found = read(stage)

    assert found[f'hearth_requests_total{{method="{session}",status="200"}}'] == 3
    assert found[f'hearth_requests_total{{method="{session}",status="401"}}'] == 1
    assert found[f'hearth_request_seconds_bucket{{le="+Inf",method="{session}"}}'] == 4
    assert found[f'hearth_request_seconds_count{{method="{session}"}}'] == 4


def test_names_that_strangers_make_up_are_not_kept(stage: Stage) -> None:
    for number in range(20):
        stage.web.get(f"/xrpc/org.example.made{number}")
        stage.web.get(f"/made-up-{number}")

    found = read(stage)

    assert not [name for name in found if "made" in name]
    assert found['hearth_requests_total{method="proxied",status="401"}'] == 20
    assert found['hearth_requests_total{method="other",status="404"}'] == 20


@pytest.mark.parametrize(
    "header", ["X_Forwarded_For", "X_Forwarded_Host", "X_Forwarded_Proto", "Forwarded", "Via"]
)
def test_who_comes_through_the_front_server_is_refused(stage: Stage, header: str) -> None:
    answer = stage.web.get("/metrics", **{header: "127.0.0.1"})

    assert (answer.status, answer.json["error"]) == (401, "AuthenticationRequired")
    assert "PDS_METRICS_TOKEN" in answer.json["message"]


class TestWithToken:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, metrics_token=TOKEN)

    def test_it_is_enough_from_everywhere(self, stage: Stage) -> None:
        read(stage, Authorization=f"Bearer {TOKEN}", X_Forwarded_For="203.0.113.9")

    @pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
    def test_without_it_nobody_is_told(self, stage: Stage, header: str | None) -> None:
        headers = {} if header is None else {"Authorization": header}

        assert stage.web.get("/metrics", **headers).status == 401
