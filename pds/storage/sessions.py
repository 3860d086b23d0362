"""Sessions: one row from a log-in until its end. Without its row, no token of a session counts.

A row goes with its account and with the app password it was begun with; the refresh tokens of a
session go with the row.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from peewee import BooleanField, IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


class Session(Table):
    id = TextField(primary_key=True)
    account_id = IntegerField()
    app_password_name = TextField(null=True)
    is_takendown = BooleanField()
    created_at_us = IntegerField()
    used_at_us = IntegerField()
    user_agent = TextField(null=True)
    ip = TextField(null=True)

    class Meta:
        indexes = ((("account_id", "app_password_name"), False),)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """``used_at_us`` is the log-in or the last refresh; both times are Unix microseconds.

    ``is_takendown``: begun by a taken-down account, to move away; it cannot be refreshed.
    """

    id: str
    account_id: int
    app_password_name: str | None
    is_takendown: bool  # 0 or 1, as SQLite has it
    created_at_us: int
    used_at_us: int
    user_agent: str | None
    ip: str | None


@dataclass(frozen=True, slots=True)
class LiveSession:
    """What every request needs of a session and of its account."""

    app_password_name: str | None
    takedown_ref: str | None
    deactivated_at: str | None


_COLUMNS = (
    "id, account_id, app_password_name, is_takendown, created_at_us, used_at_us, user_agent, ip"
)
_BY_ID = f"SELECT {_COLUMNS} FROM session WHERE id = ?"  # noqa: S608 # constants
_OF_ACCOUNT = (
    f"SELECT {_COLUMNS} FROM session"  # noqa: S608 # constants
    " WHERE account_id = ? ORDER BY used_at_us DESC, id LIMIT ?"
)
_INSERT = f"INSERT INTO session ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 # constants
LIVE = (
    'SELECT s.app_password_name, a."takedownRef", a."deactivatedAt"'
    " FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = ?"
)


def find_live(session_id: str) -> LiveSession | None:
    """The session with the state of its account: one query, as it runs with every request."""
    found = row(LIVE, (session_id,))
    return None if found is None else LiveSession(*found)


def find(session_id: str) -> SessionRow | None:
    found = row(_BY_ID, (session_id,))
    return None if found is None else SessionRow(*found)


def list_for_account(account_id: int, limit: int) -> list[SessionRow]:
    """An account's sessions, the last used first."""
    return [SessionRow(*found) for found in rows(_OF_ACCOUNT, (account_id, limit))]


# Every function below changes rows; the caller holds the transaction.


def insert(session: SessionRow) -> None:
    execute(_INSERT, astuple(session))


def set_used(session_id: str, at_us: int) -> None:
    execute("UPDATE session SET used_at_us = ? WHERE id = ?", (at_us, session_id))


def delete(session_id: str) -> None:
    execute("DELETE FROM session WHERE id = ?", (session_id,))


def delete_for_account(account_id: int) -> None:
    execute("DELETE FROM session WHERE account_id = ?", (account_id,))


def delete_ended(unused_since_us: int) -> int:
    """Drop the sessions that have no refresh token and were last used before; return how many."""
    return execute(
        "DELETE FROM session WHERE used_at_us <= ? AND NOT EXISTS"
        " (SELECT 1 FROM refresh_token t WHERE t.session_id = session.id)",
        (unused_since_us,),
    )
