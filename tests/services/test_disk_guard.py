"""A disk that fills up is noticed, told of, and kept from being full."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.errors import NotEnoughResourcesError
from pds.services.disk_guard import DiskGuard, Level, Room
from tests.factories import StillClock, make_config
from tests.stage import queued_mail

if TYPE_CHECKING:
    from pds.services import Services

MIB = 1024 * 1024


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(
        tmp_path,
        email_smtp_url="smtp://127.0.0.1:1",
        email_from_address="pds@example.com",
    )


class Disk:
    """Free space as the test says, and how often it was looked at."""

    def __init__(self, free_mib: int) -> None:
        self.free_mib = free_mib
        self.looks = 0

    def __call__(self, _directory: Path) -> Room:
        self.looks += 1
        return Room(self.free_mib * MIB, 100_000 * MIB)


def guard_of(services: Services, disk: Callable[[Path], Room]) -> DiskGuard:
    services.config.blobstore_disk_location.mkdir(exist_ok=True)
    return DiskGuard(services.config, services.clock, services.mail, disk)


@pytest.mark.parametrize(
    ("free_mib", "level"),
    [
        (2048, "fine"),
        (2047, "warn"),
        (512, "warn"),
        (511, "full"),
        (128, "full"),
        (127, "critical"),
        (0, "critical"),
    ],
)
def test_levels(services: Services, free_mib: int, level: Level) -> None:
    assert guard_of(services, Disk(free_mib)).level() == level


def test_fullest_of_two_disks_decides(services: Services) -> None:
    def look(directory: Path) -> Room:
        return Room((100 if directory.name == "blobs" else 9_000) * MIB, 1)

    assert guard_of(services, look).level() == "critical"


def test_it_looks_once_a_second_at_most(services: Services, clock: StillClock) -> None:
    disk = Disk(5_000)
    guard = guard_of(services, disk)
    for _ in range(100):
        guard.check_writable()
    assert disk.looks == 2  # the data's and the blobs' directory

    clock.advance(1.1)
    guard.check_room()
    assert disk.looks == 4


def test_room_that_comes_back_is_noticed(services: Services, clock: StillClock) -> None:
    disk = Disk(10)
    guard = guard_of(services, disk)
    with pytest.raises(NotEnoughResourcesError, match="disk is full"):
        guard.check_writable()

    disk.free_mib = 9_000
    clock.advance(2)

    guard.check_writable()
    guard.check_room()


def test_operator_is_told_once_for_each_level_that_is_worse(
    services: Services, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pds.disk")
    disk = Disk(5_000)
    guard = guard_of(services, disk)
    for free_mib in (5_000, 1_000, 1_001, 400, 100, 101, 400, 5_000, 5_000):
        disk.free_mib = free_mib
        clock.advance(60)
        guard.report()

    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "ERROR", "ERROR", "ERROR", "INFO"]
    assert "uploads, imports and sign-ups are refused" in caplog.text
    assert len(queued_mail()) == 3


def test_disk_that_cannot_be_looked_at_is_told_once_and_stops_nothing(
    services: Services, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    is_mounted = False

    def look(directory: Path) -> Room:
        if directory.name == "blobs" and not is_mounted:
            raise OSError(errno.ESTALE, "Stale file handle", str(directory))
        return Room(9_000 * MIB, 100_000 * MIB)

    guard = guard_of(services, look)
    for _ in range(3):
        clock.advance(2)
        guard.check_writable()
    assert [record.message for record in caplog.records] == [
        f"the disk of {services.config.blobstore_disk_location} cannot be looked at:"
        f" [Errno 116] Stale file handle: '{services.config.blobstore_disk_location}'"
    ]

    is_mounted = True
    clock.advance(2)
    guard.check_room()
    is_mounted = False
    clock.advance(2)
    guard.check_room()
    assert len(caplog.records) == 2


def test_what_was_seen_last_holds_while_no_disk_can_be_seen(
    services: Services, clock: StillClock
) -> None:
    free_mib: int | None = None

    def look(directory: Path) -> Room:
        if free_mib is None:
            raise OSError(errno.EIO, "Input/output error", str(directory))
        return Room(free_mib * MIB, 100_000 * MIB)

    guard = guard_of(services, look)
    assert guard.level() == "critical"  # nothing is known yet

    for seen, level in ((9_000, "fine"), (None, "fine"), (10, "critical"), (None, "critical")):
        free_mib = seen
        clock.advance(2)
        assert guard.level() == level
