"""Private settings of people. Frozen: later changes are steps of their own."""

from __future__ import annotations

from typing import Any

_TABLE = """
CREATE TABLE preference (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
)
"""
_INDEX = "CREATE INDEX preference_account_id ON preference (account_id)"


def up(migrator: Any, db: Any) -> None:
    del migrator
    db.execute_sql(_TABLE)
    db.execute_sql(_INDEX)
