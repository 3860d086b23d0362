"""Refresh tokens that may still be used, by their id (``jti``); each belongs to a session.

Only the id is kept, never the token: the signature proves the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from peewee import IntegerField, TextField

from pds.storage.database import Table, execute, row


class RefreshToken(Table):
    """``next_id`` is set once the token has been used: the id of the one that replaced it."""

    id = TextField(primary_key=True)
    session_id = TextField()
    expires_at_us = IntegerField(index=True)
    next_id = TextField(null=True)

    class Meta:
        table_name = "refresh_token"


@dataclass(frozen=True, slots=True)
class RefreshTokenRow:
    """``expires_at_us`` is Unix time in microseconds."""

    id: str
    session_id: str
    expires_at_us: int
    next_id: str | None


def find_token(token_id: str) -> RefreshTokenRow | None:
    found = row(
        "SELECT id, session_id, expires_at_us, next_id FROM refresh_token WHERE id = ?",
        (token_id,),
    )
    return None if found is None else RefreshTokenRow(*found)


# Every function below changes rows; the caller holds the transaction.


def insert_token(token: RefreshTokenRow) -> None:
    execute(
        "INSERT INTO refresh_token (id, session_id, expires_at_us, next_id) VALUES (?, ?, ?, ?)",
        (token.id, token.session_id, token.expires_at_us, token.next_id),
    )


def mark_used(token_id: str, next_id: str, expires_at_us: int) -> bool:
    """Name the successor, once: False when another use of the same token has named one."""
    changed = execute(
        "UPDATE refresh_token SET next_id = ?, expires_at_us = min(expires_at_us, ?)"
        " WHERE id = ? AND next_id IS NULL",
        (next_id, expires_at_us, token_id),
    )
    return changed == 1


def delete_expired(before_us: int) -> int:
    """Drop the rows that lapsed before ``before_us``, whoever's they are; return how many."""
    return execute("DELETE FROM refresh_token WHERE expires_at_us <= ?", (before_us,))
