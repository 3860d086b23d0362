"""Rows of accounts: who is found by what, and who is not."""

from __future__ import annotations

import dataclasses

import peewee
import pytest

from pds.atproto.cid import cid_for_cbor
from pds.atproto.repo import RepoHead
from pds.storage import accounts, identity_changes, repo_roots
from pds.storage.accounts import AccountRow, NewAccountRow
from pds.storage.database import execute, row, transaction

pytestmark = pytest.mark.usefixtures("open_database")

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
CREATED_AT = "2026-01-01T00:00:00.000Z"
HEAD = cid_for_cbor(b"\xa0")
ALICE = NewAccountRow(DID, "alice.test", "alice@example.com", "salt:hash", CREATED_AT)


def add(new: NewAccountRow = ALICE, *, with_repo: bool = True) -> int:
    with transaction():
        account_id = accounts.insert(new)
        if with_repo:
            repo_roots.save_root(account_id, RepoHead(HEAD, "3jzfcijpj2z2a", HEAD), b"commit")
    return account_id


def numbered(number: int) -> NewAccountRow:
    return dataclasses.replace(
        ALICE, did=f"{DID[:-1]}{number}", handle=f"a{number}.test", email=f"a{number}@example.com"
    )


def test_account_is_found_by_each_of_its_names() -> None:
    account_id = add()

    expected = AccountRow(
        id=account_id,
        did=DID,
        handle="alice.test",
        email="alice@example.com",
        password_scrypt="salt:hash",
        email_confirmed_at=None,
        created_at=CREATED_AT,
        takedown_ref=None,
        deactivated_at=None,
        delete_after=None,
        invites_disabled=False,
        pending_operation=None,
    )
    assert accounts.find_by_id(account_id) == expected
    assert accounts.find_by_did(DID) == expected
    assert accounts.find_by_handle("Alice.TEST") == expected
    assert accounts.find_by_email("ALICE@example.com") == expected
    assert accounts.find_account(DID) == expected
    assert accounts.find_account("alice.test") == expected


def test_unknown_names_find_nothing() -> None:
    add()

    assert accounts.find_by_id(999) is None
    assert accounts.find_account("did:plc:unknown") is None
    assert accounts.find_account("bob.test") is None
    assert accounts.find_by_email("bob@example.com") is None


def test_own_recovery_key_is_remembered() -> None:
    key = "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169"
    with_key = add(dataclasses.replace(ALICE, recovery_did_key=key))

    assert accounts.find_recovery_key(with_key) == key
    assert accounts.find_recovery_key(add(numbered(2))) is None
    assert accounts.find_recovery_key(99) is None


def test_pending_account_is_invisible_but_holds_its_names() -> None:
    account_id = add(dataclasses.replace(ALICE, pending_operation="{}"))

    assert accounts.find_by_id(account_id) is None
    assert accounts.find_account(DID) is None
    assert accounts.find_account("alice.test") is None
    assert accounts.find_by_email("alice@example.com") is None
    assert accounts.find_hosted(DID) is None
    assert accounts.list_page(0, 10) == []
    assert accounts.is_taken("did", DID)
    assert identity_changes.is_handle_taken("alice.test")
    assert accounts.is_taken("email", "alice@example.com")
    assert [pending.did for pending in accounts.list_pending()] == [DID]

    with transaction():
        accounts.clear_pending(account_id)
    assert accounts.find_account("alice.test") is not None
    assert accounts.list_pending() == []


@pytest.mark.parametrize("name", ["did", "handle", "email"])
def test_names_are_unique(name: str) -> None:
    add()
    other = dataclasses.replace(numbered(2), **{name: getattr(ALICE, name)})

    with pytest.raises(peewee.IntegrityError), transaction():
        accounts.insert(other)
    assert not identity_changes.is_handle_taken("a2.test")


@pytest.mark.parametrize(
    ("takedown_ref", "deactivated_at", "status"),
    [
        (None, None, None),
        (None, CREATED_AT, "deactivated"),
        ("ref", None, "takendown"),
        ("ref", CREATED_AT, "takendown"),
    ],
)
def test_takedown_outranks_deactivation(
    takedown_ref: str | None, deactivated_at: str | None, status: str | None
) -> None:
    account_id = add()
    with transaction():
        accounts.set_takedown(account_id, takedown_ref)
        accounts.set_deactivated(account_id, deactivated_at, None)

    account, hosted = accounts.find_by_did(DID), accounts.find_hosted(DID)
    assert account is not None
    assert hosted is not None
    assert account.status == hosted.status == status
    assert account.is_active == hosted.active == (status is None)
    assert account.is_taken_down == (takedown_ref is not None)


@pytest.mark.parametrize(("stored", "confirmed"), [(None, False), ("", False), (CREATED_AT, True)])
def test_email_confirmation_by_hand_counts(stored: str | None, confirmed: bool) -> None:
    add()
    # What operators type into sqlite3, with the column name known from the reference.
    with transaction():
        execute("update account set emailConfirmedAt = ?", (stored,))

    account = accounts.find_by_did(DID)
    assert account is not None
    assert account.is_email_confirmed is confirmed


def test_setters_change_one_account_only() -> None:
    first, second = add(), add(numbered(2))
    untouched = accounts.find_by_id(second)

    with transaction():
        accounts.set_handle(first, "New.Test")
        accounts.set_password(first, "new:hash")
        accounts.set_deactivated(first, CREATED_AT, "2027-01-01T00:00:00.000Z")

    changed = accounts.find_by_id(first)
    assert changed is not None
    assert (changed.handle, changed.password_scrypt) == ("new.test", "new:hash")
    assert changed.delete_after == "2027-01-01T00:00:00.000Z"
    assert accounts.find_by_id(second) == untouched


def test_deleting_takes_the_repo_root_along() -> None:
    account_id = add()
    with transaction():
        accounts.delete(account_id)

    assert accounts.find_by_did(DID) is None
    assert row("SELECT count(*) FROM repo_root") == (0,)


def test_ids_are_not_reused_after_deletion() -> None:
    account_id = add()
    with transaction():
        accounts.delete(account_id)

    assert add() > account_id


def test_list_page_goes_through_all_accounts_in_order() -> None:
    ids = [add(numbered(number)) for number in range(2, 7)]
    with transaction():
        accounts.set_deactivated(ids[1], CREATED_AT, None)

    pages = [accounts.list_page(0, 2)]
    while pages[-1]:
        pages.append(accounts.list_page(pages[-1][-1].id, 2))

    assert [len(page) for page in pages] == [2, 2, 1, 0]
    listed = [hosted for page in pages for hosted in page]
    assert [hosted.id for hosted in listed] == ids
    assert [hosted.status for hosted in listed] == [None, "deactivated", None, None, None]
    assert {(hosted.head, hosted.rev) for hosted in listed} == {(HEAD, "3jzfcijpj2z2a")}
