"""Private settings that apps keep with an account, in the order they were put.

They go with the account: deleting its row deletes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from peewee import IntegerField, TextField
from playhouse.sqlite_ext import AutoIncrementField

from pds.storage.database import Table, execute, execute_many, row, rows


class Preference(Table):
    """``name`` is the ``$type`` of ``value``, which is JSON text."""

    id = AutoIncrementField()
    account_id = IntegerField()
    name = TextField()
    value = TextField()


def list_values(account_id: int) -> list[str]:
    """The JSON of all preferences of an account, oldest first."""
    sql = "SELECT value FROM preference WHERE account_id = ? ORDER BY id"
    return [value for (value,) in rows(sql, (account_id,))]


def count(account_id: int) -> int:
    found = row("SELECT count(*) FROM preference WHERE account_id = ?", (account_id,))
    return int(found[0]) if found else 0


def replace_all(
    account_id: int, items: Sequence[tuple[str, str]], *, keep: str | None = None
) -> None:
    """Put (name, JSON) pairs in the place of all preferences but those named ``keep``.

    The caller holds the transaction.
    """
    execute(
        "DELETE FROM preference WHERE account_id = ? AND name IS NOT ?",
        (account_id, keep),
    )
    execute_many(
        "INSERT INTO preference (account_id, name, value) VALUES (?, ?, ?)",
        [(account_id, name, value) for name, value in items],
    )
