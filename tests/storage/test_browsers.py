"""Browsers and sign-ins: what is deleted, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.storage import browsers
from pds.storage.browsers import BrowserAccountRow, BrowserRow
from pds.storage.database import transaction
from tests.factories import Person

if TYPE_CHECKING:
    from pds.services import Services


def add(browser_id: str, seen_at_us: int = 0, *people: Person, remembered: bool = True) -> None:
    with transaction():
        row = BrowserRow(browser_id, "hash", None, 0, "Firefox", "192.0.2.1", 0, seen_at_us)
        browsers.insert(row)
        for at_us, person in enumerate(people):
            sign_in = BrowserAccountRow(browser_id, person.row.id, at_us, remembered, None)
            browsers.save_sign_in(sign_in)


def who(browser_id: str) -> list[int]:
    return [one.account_id for one in browsers.list_signed_in(browser_id)]


def where(person: Person) -> list[str]:
    return [one.id for one in browsers.list_for_account(person.row.id, 100)]


def test_row_comes_back_as_it_was(open_database: None) -> None:
    row = BrowserRow("b", "h", "p", 1, "Firefox", "192.0.2.1", 2, 3)
    with transaction():
        browsers.insert(row)

    assert browsers.find("b") == row
    assert browsers.find("c") is None


def test_new_secret_keeps_who_is_signed_in(services: Services, alice: Person) -> None:
    add("b", 0, alice)
    changed = BrowserRow("b", "new", "hash", 5, "Safari", "192.0.2.2", 0, 6)
    with transaction():
        browsers.update(changed)

    assert browsers.find("b") == changed
    assert who("b") == [alice.row.id]


def test_lists_name_the_newest_first(services: Services, alice: Person, bob: Person) -> None:
    add("old", 1, alice, bob)
    add("new", 2, alice)

    assert who("old") == [bob.row.id, alice.row.id]
    assert where(alice) == ["new", "old"]
    assert [one.id for one in browsers.list_for_account(alice.row.id, 1)] == ["new"]


def test_newest_are_kept(services: Services, alice: Person, bob: Person) -> None:
    add("old", 1, alice, bob)
    add("new", 2, alice)
    with transaction():
        browsers.keep_newest_accounts("old", 1)
        browsers.keep_newest_accounts("new", 1)
    assert (who("old"), who("new")) == ([bob.row.id], [alice.row.id])

    add("newer", 3, bob)
    with transaction():
        browsers.keep_newest_browsers(bob.row.id, 1)

    assert (where(bob), where(alice)) == (["newer"], ["new"])


@pytest.mark.parametrize("keep", ["", "kept"])
def test_account_is_signed_out_everywhere(
    services: Services, alice: Person, bob: Person, keep: str
) -> None:
    add("kept", 0, alice)
    add("other", 0, alice, bob)
    with transaction():
        browsers.delete_for_account(alice.row.id, keep=keep)

    assert where(alice) == ([keep] if keep else [])
    assert where(bob) == ["other"]


def test_empty_and_unseen_browsers_are_forgotten(
    services: Services, alice: Person, bob: Person
) -> None:
    add("empty", 9)
    add("unseen", 1, alice)
    add("once", 9, bob, remembered=False)
    add("good", 9, alice)
    with transaction():
        browsers.delete_if_empty("good")
        number = browsers.delete_expired(1, 0)

    assert number == 3
    assert (where(alice), where(bob)) == (["good"], [])
    assert browsers.find("empty") is None


def test_only_empty_browsers_are_deleted_as_such(services: Services, alice: Person) -> None:
    add("empty")
    add("other empty")
    add("good", 0, alice)
    with transaction():
        browsers.delete_if_empty("empty")
    assert browsers.find("empty") is None
    assert browsers.find("other empty") is not None

    with transaction():
        assert browsers.delete_empty() == 1

    assert browsers.find("good") is not None
