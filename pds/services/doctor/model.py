"""What a check is, what it finds, and what it is given to look at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pds.config import Config
from pds.services.clock import Clock
from pds.services.doctor.outside import Outside

if TYPE_CHECKING:
    from pds.services import Services

Outcome = Literal["ok", "skipped", "warn", "bad"]
Needs = Literal["settings", "database"]
"""What must be usable for a check. The database's checks also get the settings."""

OUTCOMES: Final[tuple[Outcome, ...]] = ("ok", "skipped", "warn", "bad")
"""From harmless to worst."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen.

    name: a stable name, and a heading of docs/troubleshooting.md unless all is well.
    found: one line, what is so. remedy: one line, what to do about it; "" when nothing is to do.
    """

    name: str
    outcome: Outcome
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the machine tells of itself; other places in tests.

    settings_file: where the settings came from, if from a file.
    """

    settings_file: Path | None = None
    proc: Path = Path("/proc")


@dataclass(frozen=True, slots=True)
class Patient:
    """A server as the checks see it. Without ``services`` its database cannot be used.

    wanted_none: names of settings that are there, and empty: somebody has meant that.
    """

    config: Config
    clock: Clock
    outside: Outside
    machine: Machine = field(default_factory=Machine)
    services: Services | None = None
    wanted_none: Collection[str] = ()

    @property
    def opened(self) -> Services:
        """The services, for a check that needs the database and so is only run with it."""
        assert self.services is not None  # noqa: S101 # checkup.py sees to it
        return self.services

    @property
    def is_local(self) -> bool:
        return self.config.is_local


Look = Callable[[Patient], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    look: what it finds; nothing wrong is one finding that is ok. Expected failures are findings.
    findings: the names of all that it may find besides its own.
    after: checks without which this one tells nothing: it is skipped when one of them is bad.
    lane: checks of one lane are run one after the other, beside those of other lanes; None is for
        those that are quick, or keep the disk busy.
    public: of what the world sees, so not for a server that only its own machine can reach.
    """

    name: str
    look: Look
    limit_s: float
    findings: tuple[str, ...] = ()
    needs: Needs = "settings"
    after: tuple[str, ...] = ()
    lane: str | None = None
    public: bool = False


def all_well(name: str, found: str) -> list[Finding]:
    return [Finding(name, "ok", found)]


def not_looked_at(name: str, why: str) -> list[Finding]:
    return [Finding(name, "skipped", why)]
