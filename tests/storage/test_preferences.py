"""Rows of preferences: order, replacement, and whose they are."""

from __future__ import annotations

import pytest

from pds.storage import accounts, preferences
from pds.storage.accounts import NewAccountRow
from pds.storage.database import transaction

pytestmark = pytest.mark.usefixtures("open_database")


def add_account(name: str) -> int:
    with transaction():
        return accounts.insert(
            NewAccountRow(f"did:plc:{name}", f"{name}.test", None, None, "2026-01-01T00:00:00.000Z")
        )


def put(account_id: int, *names: str, keep: str | None = None) -> None:
    with transaction():
        preferences.replace_all(account_id, [(name, f'"{name}"') for name in names], keep=keep)


def test_values_come_in_the_order_they_were_put() -> None:
    account_id = add_account("alice")
    put(account_id, "c", "a", "b", "a")

    assert preferences.list_values(account_id) == ['"c"', '"a"', '"b"', '"a"']
    assert preferences.count(account_id) == 4


def test_replacing_spares_the_name_to_keep_and_other_accounts() -> None:
    alice, bob = add_account("alice"), add_account("bob")
    put(alice, "kept", "old")
    put(bob, "theirs")
    put(alice, "new", keep="kept")

    assert preferences.list_values(alice) == ['"kept"', '"new"']
    assert preferences.list_values(bob) == ['"theirs"']
    put(alice)
    assert preferences.list_values(alice) == []


def test_preferences_go_with_their_account() -> None:
    alice, bob = add_account("alice"), add_account("bob")
    put(alice, "a")
    put(bob, "b")
    with transaction():
        accounts.delete(alice)

    assert (preferences.count(alice), preferences.count(bob)) == (0, 1)
