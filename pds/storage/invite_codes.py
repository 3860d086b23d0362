"""Invite codes and who used them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peewee import BooleanField, CompositeKey, IntegerField, TextField

from pds.storage.database import Table, execute, execute_many, row


class InviteCode(Table):
    """``available_uses`` is how often the code may be used in all, not what is left."""

    code = TextField(primary_key=True)
    available_uses = IntegerField()
    disabled = BooleanField(default=False)
    for_account = TextField(index=True)
    created_by = TextField()
    created_at = TextField()

    class Meta:
        table_name = "invite_code"


class InviteCodeUse(Table):
    code = TextField()
    used_by = TextField()
    used_at = TextField()

    class Meta:
        table_name = "invite_code_use"
        primary_key = CompositeKey("code", "used_by")


@dataclass(frozen=True, slots=True)
class InviteCodeRow:
    """``for_account`` and ``created_by`` are a DID or "admin"; ``created_at`` is ISO text."""

    code: str
    available_uses: int
    for_account: str
    created_by: str
    created_at: str
    disabled: bool = False


GONE = "deleted"
"""In the place of the DID, where a code outlives its owner's account."""

_IS_AVAILABLE = """
SELECT 1 FROM invite_code c LEFT JOIN account owner ON owner.did = c.for_account
WHERE c.code = ? AND NOT c.disabled AND owner."takedownRef" IS NULL
AND c.available_uses > (SELECT count(*) FROM invite_code_use u WHERE u.code = c.code)
"""


_SPEND = (
    "UPDATE invite_code SET available_uses = available_uses - 1"
    " WHERE code IN (SELECT code FROM invite_code_use WHERE used_by = ?)"
)
_DELETE_UNUSED = (
    "DELETE FROM invite_code WHERE for_account = ?"
    " AND NOT EXISTS (SELECT 1 FROM invite_code_use u WHERE u.code = invite_code.code)"
)
_DISOWN = (
    "UPDATE invite_code SET for_account = ?, created_by = ?, disabled = 1 WHERE for_account = ?"
)


def is_available(code: str) -> bool:
    """Whether one more sign-up may use it: known, enabled, uses left, its owner not taken down."""
    return row(_IS_AVAILABLE, (code,)) is not None


# Every function below changes rows; the caller holds the transaction.


def insert_codes(codes: Sequence[InviteCodeRow]) -> None:
    execute_many(
        "INSERT INTO invite_code"
        " (code, available_uses, disabled, for_account, created_by, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (c.code, c.available_uses, c.disabled, c.for_account, c.created_by, c.created_at)
            for c in codes
        ],
    )


def disable(codes: Sequence[str], owners: Sequence[str]) -> None:
    """Close these codes, and all codes of these accounts."""
    execute_many("UPDATE invite_code SET disabled = 1 WHERE code = ?", [(c,) for c in codes])
    execute_many(
        "UPDATE invite_code SET disabled = 1 WHERE for_account = ?", [(o,) for o in owners]
    )


def record_use(code: str, did: str, at: str) -> None:
    """Count one use of ``code``. The caller checked ``is_available`` in the same transaction."""
    execute(
        "INSERT INTO invite_code_use (code, used_by, used_at) VALUES (?, ?, ?)", (code, did, at)
    )


def forget_account(did: str) -> None:
    """Let nothing name an account that is being deleted.

    Its own codes go; those that brought others here stay, closed and without an owner, because
    they tell how these came. A use it made stays spent, or deleting an account and signing up
    again would make one code last for ever.
    """
    execute(_SPEND, (did,))
    execute("DELETE FROM invite_code_use WHERE used_by = ?", (did,))
    execute(_DELETE_UNUSED, (did,))
    execute(_DISOWN, (GONE, GONE, did))
    execute("UPDATE invite_code SET created_by = ? WHERE created_by = ?", (GONE, did))


def forget_uses(did: str) -> None:
    """Give back what ``did`` used, for a sign-up that came to nothing."""
    execute("DELETE FROM invite_code_use WHERE used_by = ?", (did,))
