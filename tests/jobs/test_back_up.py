"""Backups by themselves: the thread in the server that has them made."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.jobs.back_up import BackupRunner
from pds.services.backup import access
from pds.services.clock import system_clock
from tests.factories import make_account, make_config

if TYPE_CHECKING:
    from pds.services import Services


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, backup_location=str(tmp_path / "backups"))


def environ_of(config: Config, **changed: str) -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PDS_")}
    return {
        **environ,
        "PDS_DATA_DIRECTORY": str(config.data_directory),
        "PDS_BACKUP_LOCATION": str(config.backup_location),
        "PDS_JWT_SECRET": config.jwt_secret,
        "PDS_ADMIN_PASSWORD": config.admin_password,
        "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": config.plc_rotation_key_k256_private_key_hex,
        **changed,
    }


def wait_for(found: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not found():
        assert time.monotonic() < until
        time.sleep(0.05)


def run_until(services: Services, environ: dict[str, str], found: Callable[[], object]) -> None:
    runner = BackupRunner(services, environ, first_after_s=0.01, every_s=0.01)
    runner.start()
    try:
        wait_for(found)
    finally:
        runner.stop()


@pytest.mark.slow
def test_it_backs_up_and_then_checks(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pds.backup")
    make_account(services, "alice")
    services = dataclasses.replace(services, clock=system_clock)  # the command has that one, too

    run_until(services, environ_of(services.config), lambda: "1 repos" in caplog.text)

    backup, check = access.last_backup(), access.last_check()
    assert backup is not None
    assert check is not None
    assert check.is_good
    assert check.snapshot == backup.snapshot


@pytest.mark.slow
def test_failure_is_in_the_log_and_remembered(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    Path(str(services.config.backup_location)).write_text("no folder")

    run_until(services, environ_of(services.config), access.last_failure)

    failure = access.last_failure()
    assert failure is not None
    assert failure.text.startswith("create: ")
    assert failure.text.partition(": ")[2] in caplog.text


def test_without_a_place_nothing_runs(services: Services, tmp_path: Path) -> None:
    bare = dataclasses.replace(services, config=make_config(tmp_path))
    runner = BackupRunner(bare, {})
    runner.start()
    runner.stop()

    assert access.last_failure() is None


def test_stopping_ends_a_backup_under_way(services: Services) -> None:
    runner = BackupRunner(services, environ_of(services.config), first_after_s=0.01, every_s=0.01)
    runner.start()
    wait_for(lambda: runner._run)
    runner.stop()

    assert not runner._thread.is_alive()
    assert access.last_failure() is None
