"""Single facts about this server that must survive a restart."""

from __future__ import annotations

from peewee import TextField

from pds.storage import database
from pds.storage.database import Table


class ServerState(Table):
    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "server_state"


def find_value(key: str) -> str | None:
    found = database.row("SELECT value FROM server_state WHERE key = ?", (key,))
    return found[0] if found else None


def save_value(key: str, value: str) -> None:
    """Set a fact. The caller holds the transaction."""
    database.execute(
        "INSERT INTO server_state (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def delete_value(key: str) -> None:
    """Forget a fact. The caller holds the transaction."""
    database.execute("DELETE FROM server_state WHERE key = ?", (key,))
