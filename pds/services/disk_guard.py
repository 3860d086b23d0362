"""Keeps the disk from filling up to where SQLite fails: refuses early what fills it, and says so.

Levels, by what is free where the data are:

    warn      the operator is told
    full      no uploads, imports and sign-ups
    critical  nothing that members write, but for signing in; all is still served

Bytes that others use count as well: a log that fills the disk is as bad as pictures. When there is
room again everything works again, without help.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pds.config import Config
from pds.errors import NotEnoughResourcesError
from pds.services.clock import Clock
from pds.services.mail import Mail
from pds.services.mail_texts import DISK_LOW
from pds.storage.database import transaction

logger = logging.getLogger("pds.disk")

Level = Literal["fine", "warn", "full", "critical"]
LEVELS: Final[tuple[Level, ...]] = ("fine", "warn", "full", "critical")
_TRUST_US: Final = 1_000_000
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Room:
    """What is free for this user on the fullest of the disks, and how large that one is."""

    free_bytes: int
    size_bytes: int


def level_of(config: Config, free_bytes: int) -> Level:
    """How bad it is that so much is free."""
    if free_bytes < config.disk_read_only_mib * _MIB:
        return "critical"
    if free_bytes < config.disk_full_mib * _MIB:
        return "full"
    return "warn" if free_bytes < config.disk_warn_mib * _MIB else "fine"


def room_of(directory: Path) -> Room:
    found = os.statvfs(directory)
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class DiskGuard:
    """Looks at the disk at most once a second, however often it is asked."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        mail: Mail,
        look: Callable[[Path], Room] = room_of,
    ) -> None:
        self._config = config
        self._directories = _directories(config)
        self._clock = clock
        self._mail = mail
        self._look = look
        self._lock = threading.Lock()
        self._room = Room(0, 0)
        self._looked_at_us = 0
        self._unseen: frozenset[Path] = frozenset()
        self._told: Level = "fine"

    def room(self) -> Room:
        """What is free now, or was a moment ago.

        A disk that cannot be looked at is left out: what it is asked to do fails by itself, and the
        other disk goes on. When none can be seen, what was seen last holds.
        """
        now_us = self._clock()
        if not self._looked_at_us or not 0 <= now_us - self._looked_at_us < _TRUST_US:
            found = self._look_at_all()
            if found or not self._looked_at_us:
                self._room = min(found, key=lambda room: room.free_bytes, default=Room(0, 0))
            self._looked_at_us = now_us
        return self._room

    def _look_at_all(self) -> Sequence[Room]:
        found, unseen = [], set()
        for directory in self._directories:
            try:
                found.append(self._look(directory))
            except FileNotFoundError:  # made with the first picture
                continue
            except OSError as error:
                unseen.add(directory)
                if directory not in self._unseen:
                    logger.error("the disk of %s cannot be looked at: %s", directory, error)  # noqa: TRY400 # no bug to trace
        self._unseen = frozenset(unseen)
        return found

    def level(self) -> Level:
        return level_of(self._config, self.room().free_bytes)

    def check_room(self) -> None:
        """Refuse what takes much room.

        Raises:
            NotEnoughResourcesError
        """
        if self.level() in ("full", "critical"):
            message = (
                "This server's disk is nearly full, so it takes nothing large and nobody new"
                " at the moment; tell whoever runs it"
            )
            raise NotEnoughResourcesError(message)

    def check_writable(self) -> None:
        """Refuse every change.

        Raises:
            NotEnoughResourcesError
        """
        if self.level() == "critical":
            message = (
                "This server's disk is full, so nothing can be changed at the moment;"
                " tell whoever runs it"
            )
            raise NotEnoughResourcesError(message)

    def report(self) -> None:
        """Say in the log, and the first time by mail, that it has become worse or better."""
        level, room = self.level(), self.room()
        with self._lock:
            before, self._told = self._told, level
        if level == before:
            return
        free = f"{room.free_bytes // _MIB} MiB of {room.size_bytes // _MIB} MiB"
        if level == "fine":
            logger.info("the disk has room again: %s are free", free)
            return
        logger.log(
            logging.WARNING if level == "warn" else logging.ERROR,
            "the disk is filling up (%s): %s are free; %s",
            level,
            free,
            _WHAT[level],
        )
        if LEVELS.index(level) > LEVELS.index(before):
            with transaction():
                self._mail.alert_operator(DISK_LOW, free=free, what=_WHAT[level])


_WHAT: Final = {
    "warn": "make room, or uploads will be refused",
    "full": "uploads, imports and sign-ups are refused until there is more room",
    "critical": "nothing can be changed until there is more room",
}


def _directories(config: Config) -> Sequence[Path]:
    """Where bytes go; what is on one disk gives the same answer twice."""
    if config.blobstore_s3_bucket is not None:
        return (config.data_directory,)
    return (config.data_directory, config.blobstore_disk_location)
