"""App passwords: further passwords of an account, each with a name and fewer rights."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from peewee import BooleanField, CompositeKey, IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


class AppPassword(Table):
    account_id = IntegerField()
    name = TextField()
    password_scrypt = TextField()
    privileged = BooleanField()
    created_at = TextField()

    class Meta:
        table_name = "app_password"
        primary_key = CompositeKey("account_id", "name")


@dataclass(frozen=True, slots=True)
class AppPasswordRow:
    """``created_at`` is ISO text with milliseconds and ``Z``."""

    account_id: int
    name: str
    password_scrypt: str
    privileged: bool  # 0 or 1, as SQLite has it
    created_at: str


_COLUMNS = "account_id, name, password_scrypt, privileged, created_at"
_SELECT = f"SELECT {_COLUMNS} FROM app_password WHERE account_id = ?"  # noqa: S608 # constants
_INSERT = f"INSERT INTO app_password ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608 # constants


def find(account_id: int, name: str) -> AppPasswordRow | None:
    found = row(f"{_SELECT} AND name = ?", (account_id, name))
    return None if found is None else AppPasswordRow(*found)


def list_for_account(account_id: int) -> list[AppPasswordRow]:
    """An account's app passwords, the newest first."""
    found = rows(f"{_SELECT} ORDER BY created_at DESC, rowid DESC", (account_id,))
    return [AppPasswordRow(*columns) for columns in found]


# Every function below changes rows; the caller holds the transaction.


def insert(password: AppPasswordRow) -> None:
    """Add one. Raises sqlite3.IntegrityError when the account has one with this name."""
    execute(_INSERT, astuple(password))


def delete(account_id: int, name: str) -> bool:
    """Remove one, and with it the sessions begun with it. False when there is none."""
    changed = execute(
        "DELETE FROM app_password WHERE account_id = ? AND name = ?", (account_id, name)
    )
    return changed == 1
