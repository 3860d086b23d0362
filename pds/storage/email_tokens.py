"""One-time codes that were asked for and not yet used, at most one per account and purpose.

The code is kept readable: on a server without mail its operator reads it out. Whoever names no
account is looked up by the code's SHA-256 digest, so that the index compares no secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import CompositeKey, IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


class EmailToken(Table):
    """``asked`` counts the requests since ``asked_since_us``; ``tries`` the wrong guesses."""

    account_id = IntegerField()
    purpose = TextField()
    token = TextField()
    token_digest = TextField()
    address = TextField(null=True)
    requested_at_us = IntegerField()
    expires_at_us = IntegerField()
    tries = IntegerField()
    asked = IntegerField()
    asked_since_us = IntegerField()

    class Meta:
        table_name = "email_token"
        primary_key = CompositeKey("account_id", "purpose")
        indexes = ((("purpose", "token_digest"), True),)


@dataclass(frozen=True, slots=True)
class EmailTokenRow:
    """``address`` is where the account's mail went when the code was asked for. Times are in µs."""

    account_id: int
    purpose: str
    token: str
    token_digest: str
    address: str | None
    requested_at_us: int
    expires_at_us: int
    tries: int
    asked: int
    asked_since_us: int


@dataclass(frozen=True, slots=True)
class WaitingToken:
    """A code with the names of its account, for the operator."""

    did: str
    handle: str | None
    purpose: str
    token: str
    expires_at_us: int


_COLUMNS = (
    "SELECT account_id, purpose, token, token_digest, address, requested_at_us, expires_at_us,"
    " tries, asked, asked_since_us FROM email_token WHERE "
)


def find_token(account_id: int, purpose: str) -> EmailTokenRow | None:
    return _row(row(_COLUMNS + "account_id = ? AND purpose = ?", (account_id, purpose)))


def find_by_digest(purpose: str, token_digest: str) -> EmailTokenRow | None:
    return _row(row(_COLUMNS + "purpose = ? AND token_digest = ?", (purpose, token_digest)))


def list_waiting(now_us: int) -> list[WaitingToken]:
    """The codes that can still be used, oldest first."""
    found = rows(
        "SELECT a.did, a.handle, t.purpose, t.token, t.expires_at_us"
        " FROM email_token t JOIN account a ON a.id = t.account_id"
        " WHERE t.expires_at_us > ? ORDER BY t.requested_at_us, t.account_id",
        (now_us,),
    )
    return [WaitingToken(*columns) for columns in found]


def _row(found: tuple[Any, ...] | None) -> EmailTokenRow | None:
    return None if found is None else EmailTokenRow(*found)


# Every function below changes rows; the caller holds the transaction.


def save_token(token: EmailTokenRow) -> None:
    """Put the code in the place of the account's earlier one for the same purpose."""
    execute(
        "INSERT OR REPLACE INTO email_token (account_id, purpose, token, token_digest, address,"
        " requested_at_us, expires_at_us, tries, asked, asked_since_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            token.account_id,
            token.purpose,
            token.token,
            token.token_digest,
            token.address,
            token.requested_at_us,
            token.expires_at_us,
            token.tries,
            token.asked,
            token.asked_since_us,
        ),
    )


def count_wrong_guess(account_id: int, purpose: str, limit: int) -> None:
    """Note one wrong guess; the one that reaches ``limit`` deletes the code."""
    execute(
        "UPDATE email_token SET tries = tries + 1 WHERE account_id = ? AND purpose = ?",
        (account_id, purpose),
    )
    execute(
        "DELETE FROM email_token WHERE account_id = ? AND purpose = ? AND tries >= ?",
        (account_id, purpose, limit),
    )


def delete_token(account_id: int, purpose: str) -> None:
    execute("DELETE FROM email_token WHERE account_id = ? AND purpose = ?", (account_id, purpose))


def delete_for_account(account_id: int) -> None:
    execute("DELETE FROM email_token WHERE account_id = ?", (account_id,))


def delete_expired(before_us: int) -> int:
    """Drop the codes that lapsed before ``before_us``; return how many."""
    return execute("DELETE FROM email_token WHERE expires_at_us <= ?", (before_us,))
