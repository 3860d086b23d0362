"""Accounts: who is hosted here, how they sign in, and whether they are active.

A row with ``pendingOperation`` belongs to a sign-up whose did:plc operation may or may not have
reached the directory. Such a row reserves its handle and e-mail address but is nobody's account
yet, so every finder below leaves it out; only ``list_pending`` and ``is_taken`` see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from peewee import BooleanField, TextField
from playhouse.sqlite_ext import AutoIncrementField

from pds.atproto.cid import Cid
from pds.storage.database import Table, execute, row, rows

Status = Literal["takendown", "deactivated"]


class Account(Table):
    """Column names in camel case are those operators know from the reference's files."""

    id = AutoIncrementField()
    did = TextField(unique=True)
    handle = TextField(unique=True, null=True)
    email = TextField(unique=True, null=True)
    password_scrypt = TextField(null=True, column_name="passwordScrypt")
    email_confirmed_at = TextField(null=True, column_name="emailConfirmedAt")
    created_at = TextField(column_name="createdAt")
    takedown_ref = TextField(null=True, column_name="takedownRef")
    deactivated_at = TextField(null=True, column_name="deactivatedAt")
    delete_after = TextField(null=True, column_name="deleteAfter")
    invites_disabled = BooleanField(default=False, column_name="invitesDisabled")
    pending_operation = TextField(null=True, column_name="pendingOperation")
    recovery_did_key = TextField(null=True, column_name="recoveryDidKey")


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account. Times are ISO text with milliseconds and ``Z``; ``handle`` is lower case."""

    id: int
    did: str
    handle: str | None
    email: str | None
    password_scrypt: str | None
    email_confirmed_at: str | None
    created_at: str
    takedown_ref: str | None
    deactivated_at: str | None
    delete_after: str | None
    invites_disabled: bool  # 0 or 1, as SQLite has it
    pending_operation: str | None

    @property
    def is_active(self) -> bool:
        return (
            self.takedown_ref is None
            and self.deactivated_at is None
            and self.pending_operation is None
        )

    @property
    def is_taken_down(self) -> bool:
        return self.takedown_ref is not None

    @property
    def is_email_confirmed(self) -> bool:
        """Operators confirm by hand in sqlite3, and some write '' to take it back."""
        return bool(self.email_confirmed_at)

    @property
    def status(self) -> Status | None:
        """Why the account is inactive, for the wire; None when it is active."""
        return _status(self.takedown_ref, self.deactivated_at)


@dataclass(frozen=True, slots=True)
class NewAccountRow:
    """The columns an account is born with."""

    did: str
    handle: str
    email: str | None
    password_scrypt: str | None
    created_at: str
    deactivated_at: str | None = None
    pending_operation: str | None = None
    recovery_did_key: str | None = None


@dataclass(frozen=True, slots=True)
class HostedRepo:
    """An account with the head of its repo, as getRepoStatus and listRepos show it."""

    id: int
    did: str
    head: Cid
    rev: str
    status: Status | None

    @property
    def active(self) -> bool:
        return self.status is None


# Literal SQL: every authenticated request reads one account, and building the same query with
# Peewee costs more than ten times as much as running it.
_COLUMNS = (
    'SELECT id, did, handle, email, "passwordScrypt", "emailConfirmedAt", "createdAt",'
    ' "takedownRef", "deactivatedAt", "deleteAfter", "invitesDisabled", "pendingOperation"'
    " FROM account WHERE "
)
_BY_ID = _COLUMNS + 'id = ? AND "pendingOperation" IS NULL'
_BY_DID = _COLUMNS + 'did = ? AND "pendingOperation" IS NULL'
_BY_HANDLE = _COLUMNS + 'handle = ? AND "pendingOperation" IS NULL'
_BY_EMAIL = _COLUMNS + 'email = ? AND "pendingOperation" IS NULL'
_PENDING = _COLUMNS + '"pendingOperation" IS NOT NULL ORDER BY id'
_LAPSED = _COLUMNS + (
    '"pendingOperation" IS NULL AND "takedownRef" IS NULL AND "deactivatedAt" IS NOT NULL'
    ' AND "deleteAfter" <= ? ORDER BY id'
)
_HOSTED = (
    'SELECT a.id, a.did, r.cid, r.rev, a."takedownRef", a."deactivatedAt"'
    " FROM account a JOIN repo_root r ON r.account_id = a.id"
    ' WHERE a."pendingOperation" IS NULL AND '
)
_HOSTED_BY_DID = _HOSTED + "a.did = ?"
_HOSTED_PAGE = _HOSTED + "a.id > ? ORDER BY a.id LIMIT ?"


def _status(takedown_ref: str | None, deactivated_at: str | None) -> Status | None:
    if takedown_ref is not None:
        return "takendown"
    return "deactivated" if deactivated_at is not None else None


def _account(found: tuple[Any, ...]) -> AccountRow:
    return AccountRow(*found)


def _find(sql: str, value: str | int) -> AccountRow | None:
    found = row(sql, (value,))
    return None if found is None else _account(found)


def _hosted(found: tuple[Any, ...]) -> HostedRepo:
    account_id, did, head, rev, takedown_ref, deactivated_at = found
    return HostedRepo(account_id, did, Cid(head), rev, _status(takedown_ref, deactivated_at))


def find_by_id(account_id: int) -> AccountRow | None:
    return _find(_BY_ID, account_id)


def find_by_did(did: str) -> AccountRow | None:
    return _find(_BY_DID, did)


def find_by_handle(handle: str) -> AccountRow | None:
    """The account with this handle, in any status. Handles compare without case."""
    return _find(_BY_HANDLE, handle.lower())


def find_by_email(email: str) -> AccountRow | None:
    """The account with this e-mail address, in any status. Addresses compare without case."""
    return _find(_BY_EMAIL, email.lower())


def find_account(at_identifier: str) -> AccountRow | None:
    """The account a DID or a handle names, in any status."""
    if at_identifier.startswith("did:"):
        return find_by_did(at_identifier)
    return find_by_handle(at_identifier)


def list_pending() -> list[AccountRow]:
    """Sign-ups that were cut off before the directory's answer was known, oldest first."""
    return [_account(found) for found in rows(_PENDING)]


def list_lapsed(now: str) -> list[AccountRow]:
    """Deactivated accounts to be deleted by ``now``, those aside that are taken down."""
    return [_account(found) for found in rows(_LAPSED, (now,))]


def is_taken(column: Literal["did", "email"], value: str) -> bool:
    """Whether any row at all holds ``value``: also inactive accounts and pending sign-ups.

    For handles see ``identity_changes.is_handle_taken``.
    """
    return Account.select().where(getattr(Account, column) == value).exists()


def count() -> int:
    """How many accounts there are: also inactive ones and sign-ups in progress."""
    [(number,)] = rows("SELECT count(*) FROM account")
    return int(number)


def find_recovery_key(account_id: int) -> str | None:
    """The did:key that the owner gave at sign-up to be able to take the DID back, if any."""
    found = row('SELECT "recoveryDidKey" FROM account WHERE id = ?', (account_id,))
    return None if found is None else found[0]


def find_hosted(did: str) -> HostedRepo | None:
    found = row(_HOSTED_BY_DID, (did,))
    return None if found is None else _hosted(found)


def list_page(after_id: int, limit: int) -> list[HostedRepo]:
    """Up to ``limit`` accounts in the order they were made, those with an id above ``after_id``."""
    return [_hosted(found) for found in rows(_HOSTED_PAGE, (after_id, limit))]


def insert(new: NewAccountRow) -> int:
    """Add an account and return its id. The caller holds the transaction and checked ``is_taken``.

    Raises:
        sqlite3.IntegrityError: the DID, handle or e-mail address belongs to another row.
    """
    return Account.insert(
        did=new.did,
        handle=new.handle,
        email=new.email,
        password_scrypt=new.password_scrypt,
        created_at=new.created_at,
        deactivated_at=new.deactivated_at,
        pending_operation=new.pending_operation,
        recovery_did_key=new.recovery_did_key,
    ).execute()


# Every function below changes one row; the caller holds the transaction.


def clear_pending(account_id: int) -> bool:
    """Make a sign-up an account; False when it is one already, or gone."""
    sql = (
        'UPDATE account SET "pendingOperation" = NULL'
        ' WHERE id = ? AND "pendingOperation" IS NOT NULL'
    )
    return execute(sql, (account_id,)) > 0


def delete_pending(account_id: int) -> bool:
    """Remove a sign-up that came to nothing; False when it is an account by now, or gone."""
    sql = 'DELETE FROM account WHERE id = ? AND "pendingOperation" IS NOT NULL'
    return execute(sql, (account_id,)) > 0


def set_deactivated(account_id: int, at: str | None, delete_after: str | None) -> None:
    """Deactivate as of ``at``, or with ``at`` None make active again."""
    execute(
        'UPDATE account SET "deactivatedAt" = ?, "deleteAfter" = ? WHERE id = ?',
        (at, delete_after, account_id),
    )


def set_handle(account_id: int, handle: str) -> None:
    execute("UPDATE account SET handle = ? WHERE id = ?", (handle.lower(), account_id))


def set_email(account_id: int, email: str) -> None:
    """Another address, not confirmed. The caller checked ``is_taken``."""
    execute(
        'UPDATE account SET email = ?, "emailConfirmedAt" = NULL WHERE id = ?',
        (email.lower(), account_id),
    )


def set_email_confirmed(account_id: int, at: str) -> None:
    execute('UPDATE account SET "emailConfirmedAt" = ? WHERE id = ?', (at, account_id))


def set_password(account_id: int, password_scrypt: str) -> None:
    execute('UPDATE account SET "passwordScrypt" = ? WHERE id = ?', (password_scrypt, account_id))


def set_invites_disabled(account_id: int, *, disabled: bool) -> None:
    execute('UPDATE account SET "invitesDisabled" = ? WHERE id = ?', (disabled, account_id))


def set_takedown(account_id: int, takedown_ref: str | None) -> None:
    execute('UPDATE account SET "takedownRef" = ? WHERE id = ?', (takedown_ref, account_id))


def delete(account_id: int) -> None:
    """Remove the row; its signing key, sessions and repo root go with it."""
    execute("DELETE FROM account WHERE id = ?", (account_id,))
