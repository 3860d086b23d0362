"""Bring the open database to today's shape: numbered steps, each one transaction.

A step and the note that it was made commit together. So wherever a process ends, the next one finds
the file as it was between two steps and goes on from there.
"""

from __future__ import annotations

from pathlib import Path

from playhouse.migrations import Runner

from pds.errors import PdsError
from pds.storage.database import db, told_as_lack_of_resources

MIGRATIONS = Path(__file__).parent / "migrations"


class NewerDatabaseError(PdsError):
    """The file has had steps that this program does not know."""


def migrate() -> list[str]:
    """Apply the steps this file has not seen yet; return their names.

    A step that fails is rolled back and raises; the steps before it stay.

    Raises:
        NewerDatabaseError: nothing was changed.
        NotEnoughResourcesError: disk, file or another program keep the step from being made.
    """
    check_not_newer()
    with told_as_lack_of_resources():
        return [str(name) for name in _runner().up()]


def check_not_newer() -> None:
    """Raise NewerDatabaseError when a newer program has had this file."""
    _, unknown = compare()
    if unknown:
        message = (
            f"the database belongs to a newer version (it has had {unknown[-1]});"
            " update this program"
        )
        raise NewerDatabaseError(message)


def compare() -> tuple[list[str], list[str]]:
    """(steps this file has not seen yet, steps it has seen that this program does not know)."""
    steps = _runner().status()
    missing = [str(step.name) for step in steps if not step.applied]
    unknown = [str(step.name) for step in steps if step.path is None]
    return missing, unknown


def _runner() -> Runner:
    return Runner(db, str(MIGRATIONS))
