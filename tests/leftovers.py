"""What is left of an account, looked for in every table there is and on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pds.storage import database

if TYPE_CHECKING:
    from pds.services import Services


def table_names() -> list[str]:
    found = database.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [name for (name,) in found if not name.startswith("sqlite_") and "migration" not in name]


def all_rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in an order that does not depend on when it was written."""
    return {
        name: sorted(database.rows(f"SELECT * FROM {name}"), key=repr) for name in table_names()
    }


def rows_naming(*words: str, account_id: int | None = None) -> dict[str, int]:
    """How many rows of which tables hold one of the words anywhere, or belong to the account."""
    counts = {}
    for table, rows in all_rows().items():
        columns = [row[1] for row in database.rows(f"PRAGMA table_info({table})")]
        owner = columns.index("account_id") if "account_id" in columns else None
        count = sum(
            any(_holds(value, word) for value in row for word in words)
            or (account_id is not None and owner is not None and row[owner] == account_id)
            for row in rows
        )
        if count:
            counts[table] = count
    return counts


def files(directory: Path) -> list[str]:
    """Every file and folder below ``directory`` but for the database's own."""
    return sorted(
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if not path.name.startswith("pds.")
    )


def blob_files(services: Services) -> list[str]:
    return files(services.config.blobstore_disk_location)


def _holds(value: object, word: str) -> bool:
    if isinstance(value, bytes):
        return word.encode() in value
    return isinstance(value, str) and word in value
