"""Live sessions: one row per refresh token that may still be used, by its id (``jti``).

Only the id is kept, never the token: the signature proves the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from peewee import IntegerField, TextField

from pds.storage.database import Table, execute, row


class RefreshToken(Table):
    """``next_id`` is set once the token has been used: the id of the one that replaced it."""

    id = TextField(primary_key=True)
    account_id = IntegerField()
    expires_at_us = IntegerField(index=True)
    next_id = TextField(null=True)
    app_password_name = TextField(null=True)

    class Meta:
        table_name = "refresh_token"


@dataclass(frozen=True, slots=True)
class RefreshTokenRow:
    """``expires_at_us`` is Unix time in microseconds."""

    id: str
    account_id: int
    expires_at_us: int
    next_id: str | None
    app_password_name: str | None


def find_token(token_id: str) -> RefreshTokenRow | None:
    found = row(
        "SELECT id, account_id, expires_at_us, next_id, app_password_name"
        " FROM refresh_token WHERE id = ?",
        (token_id,),
    )
    return None if found is None else RefreshTokenRow(*found)


# Every function below changes rows; the caller holds the transaction.


def insert_token(token: RefreshTokenRow) -> None:
    execute(
        "INSERT INTO refresh_token (id, account_id, expires_at_us, next_id, app_password_name)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            token.id,
            token.account_id,
            token.expires_at_us,
            token.next_id,
            token.app_password_name,
        ),
    )


def mark_used(token_id: str, next_id: str, expires_at_us: int) -> bool:
    """Name the successor, once: False when another use of the same token has named one."""
    changed = execute(
        "UPDATE refresh_token SET next_id = ?, expires_at_us = min(expires_at_us, ?)"
        " WHERE id = ? AND next_id IS NULL",
        (next_id, expires_at_us, token_id),
    )
    return changed == 1


def delete_token(token_id: str) -> None:
    execute("DELETE FROM refresh_token WHERE id = ?", (token_id,))


def delete_for_account(account_id: int) -> None:
    execute("DELETE FROM refresh_token WHERE account_id = ?", (account_id,))


def delete_expired(before_us: int) -> int:
    """Drop the rows that lapsed before ``before_us``, whoever's they are; return how many."""
    return execute("DELETE FROM refresh_token WHERE expires_at_us <= ?", (before_us,))
