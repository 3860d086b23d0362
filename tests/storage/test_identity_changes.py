"""The journal of identity changes: one for each account, and it reserves handles."""

from __future__ import annotations

import sqlite3

import pytest

from pds.storage import accounts, identity_changes
from pds.storage.accounts import NewAccountRow
from pds.storage.database import rows, transaction
from pds.storage.identity_changes import IdentityChangeRow

pytestmark = pytest.mark.usefixtures("open_database")

CREATED_AT = "2026-01-01T00:00:00.000Z"
OPERATION = {"type": "plc_operation", "prev": None, "alsoKnownAs": ["at://new.test"]}


def add_account(name: str, **fields: str) -> int:
    with transaction():
        return accounts.insert(
            NewAccountRow(f"did:plc:{name}", f"{name}.test", None, None, CREATED_AT, **fields)
        )


def add_change(account_id: int, handle: str | None, created_at_us: int = 5) -> IdentityChangeRow:
    change = IdentityChangeRow(account_id, handle, OPERATION, created_at_us)
    with transaction():
        identity_changes.add_change(change)
    return change


def test_what_was_written_down_is_read_back() -> None:
    alice, bob = add_account("alice"), add_account("bob")
    later = add_change(alice, "new.test", 9)
    earlier = add_change(bob, None, 5)

    assert identity_changes.find_change(alice) == later
    assert identity_changes.find_change(99) is None
    assert identity_changes.list_changes() == [earlier, later]

    with transaction():
        identity_changes.remove_change(alice)
    assert identity_changes.list_changes() == [earlier]


def test_an_account_has_one_change_and_a_handle_one_taker() -> None:
    alice, bob = add_account("alice"), add_account("bob")
    add_change(alice, "new.test")

    with pytest.raises(sqlite3.IntegrityError):
        add_change(alice, "other.test")
    with pytest.raises(sqlite3.IntegrityError):
        add_change(bob, "new.test")


def test_a_change_goes_with_its_account() -> None:
    alice = add_account("alice")
    add_change(alice, "new.test")

    with transaction():
        accounts.delete(alice)

    assert rows("SELECT * FROM identity_change") == []


def test_handles_are_taken_by_accounts_and_by_changes() -> None:
    alice, bob = add_account("alice"), add_account("bob")
    add_account("carol", pending_operation="{}")
    add_change(alice, "new.test")

    for handle in ("alice.test", "new.test", "carol.test"):
        assert identity_changes.is_handle_taken(handle)
        assert identity_changes.is_handle_taken(handle, for_account=bob)
    for handle in ("alice.test", "new.test"):
        assert not identity_changes.is_handle_taken(handle, for_account=alice)
    assert not identity_changes.is_handle_taken("nobody.test")
