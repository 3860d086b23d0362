"""Published permission sets, as they were last found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from peewee import IntegerField, TextField

from pds.storage import database
from pds.storage.database import Table


class PermissionSetDocument(Table):
    nsid = TextField(primary_key=True)
    document = TextField()
    fetched_at_us = IntegerField()
    used_at_us = IntegerField(index=True)

    class Meta:
        table_name = "permission_set"


@dataclass(frozen=True, slots=True)
class PermissionSetRow:
    """``document`` is the JSON of the Lexicon."""

    nsid: str
    document: str
    fetched_at_us: int
    used_at_us: int


_COLUMNS = "nsid, document, fetched_at_us, used_at_us"
_FIND = f"SELECT {_COLUMNS} FROM permission_set WHERE nsid = ?"  # noqa: S608 # no value in it
_SAVE = (
    f"INSERT INTO permission_set ({_COLUMNS}) VALUES (?, ?, ?, ?)"  # noqa: S608 # likewise
    " ON CONFLICT (nsid) DO UPDATE SET"
    " document = excluded.document, fetched_at_us = excluded.fetched_at_us"
)
_NOTE_USE = "UPDATE permission_set SET used_at_us = ? WHERE nsid = ? AND used_at_us < ?"
_LIST_DUE = (
    "SELECT nsid FROM permission_set WHERE used_at_us >= ? AND fetched_at_us < ?"
    " ORDER BY fetched_at_us LIMIT ?"
)
_REMOVE_OLD = "DELETE FROM permission_set WHERE fetched_at_us < ?"
# A set that a grant rests on stays, however many others strangers have us look at meanwhile.
_TRIM = """
    DELETE FROM permission_set WHERE nsid IN
        (SELECT nsid FROM permission_set ORDER BY used_at_us DESC LIMIT -1 OFFSET ?)
    AND NOT EXISTS
        (SELECT 1 FROM oauth_grant
         WHERE instr(oauth_grant.requested_scope, 'include:' || permission_set.nsid) > 0)
"""


def find(nsid: str) -> PermissionSetRow | None:
    found = database.row(_FIND, (nsid,))
    return PermissionSetRow(*found) if found else None


def save(nsid: str, document: str, now_us: int) -> None:
    """Keep a set as it was found just now. The caller holds the transaction."""
    database.execute(_SAVE, (nsid, document, now_us, now_us))


def note_use(nsids: Iterable[str], now_us: int) -> None:
    """Sets that were needed just now. The caller holds the transaction."""
    database.execute_many(_NOTE_USE, [(now_us, nsid, now_us) for nsid in nsids])


def list_due(*, used_since_us: int, fetched_before_us: int, limit: int) -> list[str]:
    """Sets that are still needed and were not looked at lately, the oldest first."""
    return [nsid for (nsid,) in database.rows(_LIST_DUE, (used_since_us, fetched_before_us, limit))]


def remove_fetched_before(fetched_at_us: int) -> int:
    """Forget sets that are too old to be used; return how many went.

    The caller holds the transaction.
    """
    return database.execute(_REMOVE_OLD, (fetched_at_us,))


def remove_all_but_last_used(count: int) -> int:
    """Forget all but the ``count`` sets used last and those in grants; return how many went.

    The caller holds the transaction.
    """
    return database.execute(_TRIM, (count,))
