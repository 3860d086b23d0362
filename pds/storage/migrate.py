"""Bring the open database to today's shape: numbered steps, each one transaction."""

from __future__ import annotations

from pathlib import Path

from playhouse.migrations import Runner

from pds.storage.database import db

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate() -> list[str]:
    """Apply the steps this file has not seen yet; return their names.

    A step that fails is rolled back and raises; the steps before it stay.
    """
    return [str(name) for name in _runner().up()]


def compare() -> tuple[list[str], list[str]]:
    """(steps this file has not seen yet, steps it has seen that this program does not know)."""
    steps = _runner().status()
    missing = [str(step.name) for step in steps if not step.applied]
    unknown = [str(step.name) for step in steps if step.path is None]
    return missing, unknown


def _runner() -> Runner:
    return Runner(db, str(MIGRATIONS))
