"""Counts over whole tables."""

from __future__ import annotations

from dataclasses import dataclass

from pds.storage import database
from pds.storage.database import row, rows


@dataclass(frozen=True, slots=True)
class Counts:
    """``accounts`` by status: active, deactivated, takendown."""

    accounts: dict[str, int]
    sessions: int
    grants: int
    blobs: int
    blob_bytes: int
    mail_waiting: int


_ACCOUNTS = (
    "SELECT CASE WHEN \"takedownRef\" IS NOT NULL THEN 'takendown'"
    " WHEN \"deactivatedAt\" IS NOT NULL THEN 'deactivated' ELSE 'active' END AS status, count(*)"
    ' FROM account WHERE "pendingOperation" IS NULL GROUP BY status'
)


def count_all() -> Counts:
    """One look at each; all of the same moment."""
    with database.snapshot():
        by_status = {str(status): int(count) for status, count in rows(_ACCOUNTS)}
        blobs = row("SELECT count(*), coalesce(sum(size_bytes), 0) FROM blob") or (0, 0)
        return Counts(
            {status: by_status.get(status, 0) for status in ("active", "deactivated", "takendown")},
            _count("session"),
            _count("oauth_grant"),
            int(blobs[0]),
            int(blobs[1]),
            _count("outgoing_mail"),
        )


def _count(table: str) -> int:
    found = row(f"SELECT count(*) FROM {table}")  # noqa: S608 # constants
    return 0 if found is None else int(found[0])
