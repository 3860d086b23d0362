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
    runner = Runner(db, str(MIGRATIONS))
    return [str(name) for name in runner.up()]
