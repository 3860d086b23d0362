"""A server does not start with a blob store in which its blobs are not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pds.config import ConfigError
from pds.errors import UpstreamFailureError
from pds.services import blob_home
from pds.storage import server_state
from pds.storage.blob_files import BlobFiles
from tests.blob_stage import Stage
from tests.factories import StillClock


@pytest.fixture
def stage(tmp_path: Path, clock: StillClock, open_database: Path) -> Stage:
    """Three blobs in a store with which the server was started before."""
    del open_database
    stage = Stage(tmp_path, clock)
    stage.store.prepare()
    blob_home.check_home(stage.store)
    for number in range(3):
        stage.use(f"post{number}", stage.upload(f"picture {number}".encode()))
    return stage


def new_store(directory: Path) -> BlobFiles:
    store = BlobFiles(directory)
    store.prepare()
    return store


def home() -> str | None:
    return server_state.find_value("blob_store")


def test_same_store_is_not_even_looked_at(stage: Stage) -> None:
    shutil.rmtree(stage.directory / stage.alice.did)

    blob_home.check_home(stage.store)


def test_empty_store_is_refused_with_the_next_step(stage: Stage, tmp_path: Path) -> None:
    other = new_store(tmp_path / "elsewhere")

    with pytest.raises(ConfigError) as refused:
        blob_home.check_home(other)

    assert str(refused.value).count("\n") == 0
    assert f"kept in {stage.directory}, the settings now name {tmp_path / 'elsewhere'}" in str(
        refused.value
    )
    assert "3 of the 3 newest are missing" in str(refused.value)
    assert "pdsadmin blobs migrate" in str(refused.value)
    assert home() == str(stage.directory)


def test_store_that_holds_the_blobs_becomes_the_home(stage: Stage, tmp_path: Path) -> None:
    shutil.copytree(stage.directory, tmp_path / "moved")

    blob_home.check_home(new_store(tmp_path / "moved"))

    assert home() == str(tmp_path / "moved")


def test_single_lost_blob_is_told_and_does_not_stop_the_start(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(stage.directory, tmp_path / "moved")
    next((tmp_path / "moved" / stage.alice.did).iterdir()).unlink()

    blob_home.check_home(new_store(tmp_path / "moved"))

    assert "1 of the newest blobs are not in" in caplog.text
    assert home() == str(tmp_path / "moved")


def test_store_that_is_away_is_looked_at_by_the_next_start(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_store(tmp_path / "elsewhere")

    def away(*_: object) -> None:
        raise UpstreamFailureError

    monkeypatch.setattr(other, "open", away)

    blob_home.check_home(other)

    assert home() == str(stage.directory)


def test_operator_who_has_looked_may_start_without_them(stage: Stage, tmp_path: Path) -> None:
    del stage
    other = new_store(tmp_path / "elsewhere")

    blob_home.remember_home(other)
    blob_home.check_home(other)


def test_data_of_an_older_version_is_taken_as_it_is(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    stage = Stage(tmp_path, clock)
    stage.store.prepare()
    stage.use("post", stage.upload(b"picture"))
    shutil.rmtree(stage.directory / stage.alice.did)

    blob_home.check_home(stage.store)

    assert home() == str(stage.directory)
