"""did:plc operations of accounts here that are under way: at most one for each account.

An entry with a handle also reserves it: nobody else may take it while the outcome is open.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from peewee import IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


class IdentityChange(Table):
    account_id = IntegerField(primary_key=True)
    handle = TextField(unique=True, null=True)
    operation = TextField()
    created_at_us = IntegerField()

    class Meta:
        table_name = "identity_change"


@dataclass(frozen=True, slots=True)
class IdentityChangeRow:
    """``operation`` is signed; ``handle`` is None when the operation keeps the account's."""

    account_id: int
    handle: str | None
    operation: dict[str, Any]
    created_at_us: int


_COLUMNS = "SELECT account_id, handle, operation, created_at_us FROM identity_change"
_TAKEN = """
    SELECT EXISTS (SELECT 1 FROM account WHERE handle = :handle AND id IS NOT :account_id)
        OR EXISTS (SELECT 1 FROM identity_change
                   WHERE handle = :handle AND account_id IS NOT :account_id)
"""


def find_change(account_id: int) -> IdentityChangeRow | None:
    found = row(f"{_COLUMNS} WHERE account_id = ?", (account_id,))
    return None if found is None else _change(found)


def list_changes() -> list[IdentityChangeRow]:
    """Everything under way, oldest first."""
    return [_change(found) for found in rows(f"{_COLUMNS} ORDER BY created_at_us, account_id")]


def is_handle_taken(handle: str, *, for_account: int | None = None) -> bool:
    """Whether anybody but ``for_account`` has the handle, or is about to.

    Inactive accounts, pending sign-ups and changes under way count.
    """
    [(is_taken,)] = rows(_TAKEN, {"handle": handle, "account_id": for_account})
    return bool(is_taken)


def add_change(change: IdentityChangeRow) -> None:
    """Write down an operation that is about to be sent. The caller holds the transaction.

    Raises:
        sqlite3.IntegrityError: the account has one under way, or the handle is reserved.
    """
    execute(
        "INSERT INTO identity_change (account_id, handle, operation, created_at_us)"
        " VALUES (?, ?, ?, ?)",
        (change.account_id, change.handle, json.dumps(change.operation), change.created_at_us),
    )


def remove_change(account_id: int) -> None:
    """Forget the account's entry. The caller holds the transaction."""
    execute("DELETE FROM identity_change WHERE account_id = ?", (account_id,))


def _change(found: tuple[Any, ...]) -> IdentityChangeRow:
    account_id, handle, operation, created_at_us = found
    return IdentityChangeRow(account_id, handle, json.loads(operation), created_at_us)
