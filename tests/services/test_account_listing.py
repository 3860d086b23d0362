"""Accounts as their operator looks them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.services import account_listing
from pds.services.account_listing import complete_handle, each_account, find_named
from tests.factories import Person, make_account, take_down

if TYPE_CHECKING:
    from pds.services import Services

DOMAINS = (".test", ".example.com")


@pytest.mark.parametrize(
    ("given", "handle"),
    [
        ("alice", "alice.test"),
        (" @Alice ", "alice.test"),
        ("alice.example.com", "alice.example.com"),
    ],
)
def test_handle_without_a_dot_is_below_the_first_domain(given: str, handle: str) -> None:
    assert complete_handle(given, DOMAINS) == handle


def test_inactive_accounts_are_found_too(alice: Person) -> None:
    take_down(alice)

    for name in (alice.did, alice.handle, "alice", "@alice.test", alice.email.upper()):
        assert find_named(name, DOMAINS) == alice.row
    assert find_named("bob", DOMAINS) is None


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_all_are_listed_whatever_the_page(
    services: Services, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    people = [make_account(services, name) for name in ("carol", "alice", "bob")]
    monkeypatch.setattr(account_listing, "PAGE", page)

    assert [account.did for account in each_account()] == [person.did for person in people]


def test_text_is_taken_literally(alice: Person, bob: Person) -> None:
    assert [account.did for account in each_account("LICE@")] == [alice.did]
    assert [account.did for account in each_account(bob.did)] == [bob.did]
    assert list(each_account("%")) == list(each_account("_")) == []
