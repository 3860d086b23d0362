"""Signing in and out in a browser: what changes with it, for how long it counts, and for what."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from pds.errors import AccountNotFoundError, AuthRequiredError
from pds.services.browsers import (
    FORGOTTEN_UNSEEN_US,
    FRESH_US,
    MAX_ACCOUNTS_PER_BROWSER,
    MAX_BROWSERS_PER_ACCOUNT,
    UNREMEMBERED_US,
)
from pds.storage import browsers
from pds.storage.browsers import BrowserAccountRow
from pds.storage.database import execute, rows, transaction
from tests.browser_jar import Jar, is_there
from tests.factories import Person, StillClock, make_account
from tests.leftovers import all_rows

if TYPE_CHECKING:
    from pds.services import Services


# --- signing in -----------------------------------------------------------------------------------


def test_first_sign_in_gives_another_number(jar: Jar, alice: Person) -> None:
    before = jar.come()
    after = jar.sign_in(alice)

    assert after.id != before.id
    assert after.new_dev_id is not None
    assert jar.who() == ["alice.test"]


def test_database_holds_no_cookie(jar: Jar, alice: Person) -> None:
    jar.sign_in(alice)
    stored = str(rows("SELECT * FROM browser"))

    assert jar.dev_id is not None
    assert jar.ses_id is not None
    assert jar.dev_id not in stored
    assert jar.ses_id not in stored


def test_planted_number_is_worth_nothing(services: Services, jar: Jar, alice: Person) -> None:
    jar.come()
    attacker = jar.copy()

    jar.sign_in(alice)

    assert attacker.who() == []
    assert not attacker.come().is_known


def test_planted_cookies_of_a_known_browser_are_worth_nothing(
    services: Services, jar: Jar, alice: Person, bob: Person, clock: StillClock
) -> None:
    """Also not in the seconds in which a replaced secret counts otherwise."""
    jar.sign_in(bob)
    attacker = jar.copy()

    jar.sign_in(alice)

    assert attacker.who() == []
    assert sorted(jar.who()) == ["alice.test", "bob.test"]
    clock.advance(6)
    assert attacker.who() == []


def push_requests(**browser_ids: str) -> None:
    """Authorizations that are open in browsers, by their ids."""
    with transaction():
        for request_id, browser_id in browser_ids.items():
            execute(
                "INSERT INTO oauth_request (id, client_id, client_auth, parameters, dpop_jkt,"
                " created_at_us, expires_at_us, browser_hash) VALUES (?, '', '', '', '', 0, 0, ?)",
                (request_id, browser_id),
            )


def requests() -> dict[str, str]:
    return dict(rows("SELECT id, browser_hash FROM oauth_request"))


def test_open_requests_go_with_their_browser(services: Services, jar: Jar, alice: Person) -> None:
    """Also those of other windows, which nobody has signed in for."""
    before, other = jar.come(), Jar(services).come()
    push_requests(one=before.id, two=before.id, foreign=other.id)

    after = jar.sign_in(alice, "foreign")

    assert requests() == {"one": after.id, "two": after.id, "foreign": other.id}
    assert jar.sign_in(alice).id == after.id
    assert requests()["one"] == after.id


def test_button_pressed_twice_signs_in_once(
    services: Services, jar: Jar, alice: Person, clock: StillClock
) -> None:
    before = jar.come()
    push_requests(one=before.id)
    both = [jar.copy(), jar.copy()]
    first = both[0].sign_in(alice)
    assert services.browsers.is_bound(before, first.id)

    second = both[1].sign_in(alice)

    assert services.browsers.is_bound(before, second.id)
    assert requests() == {"one": second.id}
    assert not is_there(first)
    assert both[1].who() == ["alice.test"]
    clock.advance(6)
    assert not services.browsers.is_bound(before, second.id)
    assert services.browsers.is_bound(second, second.id)


def test_button_pressed_twice_in_a_known_browser(
    services: Services, jar: Jar, alice: Person, bob: Person
) -> None:
    jar.sign_in(bob)
    late = jar.copy()
    jar.sign_in(alice)

    repeated = late.sign_in(alice)

    assert repeated.is_known
    assert late.who() == ["alice.test"]
    assert sorted(jar.who()) == ["alice.test", "bob.test"]


def test_what_was_proven_must_hold_still(services: Services, jar: Jar, alice: Person) -> None:
    before = all_rows()
    with pytest.raises(AuthRequiredError):
        services.browsers.sign_in(jar.come(), alice.row.id, remember=True, settle=lambda: False)
    with pytest.raises(AccountNotFoundError):
        services.browsers.sign_in(jar.come(), 999, remember=True)

    assert all_rows() == before


def test_number_of_accounts_in_a_browser_is_limited(
    services: Services, jar: Jar, alice: Person, clock: StillClock
) -> None:
    people = [
        make_account(services, f"person{number}") for number in range(MAX_ACCOUNTS_PER_BROWSER)
    ]
    for person in (alice, *people):
        clock.advance(1)
        jar.sign_in(person)

    assert len(jar.who()) == MAX_ACCOUNTS_PER_BROWSER
    assert "alice.test" not in jar.who()


def test_number_of_browsers_of_an_account_is_limited(
    services: Services, alice: Person, clock: StillClock
) -> None:
    jars = [Jar(services) for _ in range(MAX_BROWSERS_PER_ACCOUNT + 1)]
    for jar in jars:
        clock.advance(1)
        jar.sign_in(alice)

    assert len(services.browsers.list_for_account(alice.row.id)) == MAX_BROWSERS_PER_ACCOUNT
    assert jars[0].who() == []
    assert jars[-1].who() == ["alice.test"]


# --- who is signed in -----------------------------------------------------------------------------


def test_sign_in_is_fresh_for_a_week(
    services: Services, jar: Jar, alice: Person, clock: StillClock
) -> None:
    jar.sign_in(alice)
    clock.advance(FRESH_US / 1_000_000 - 1)
    [found] = services.browsers.accounts(jar.come())
    assert found.is_fresh
    clock.advance(1)

    [found] = services.browsers.accounts(jar.come())

    assert not found.is_fresh
    assert found.is_remembered


@pytest.mark.parametrize("request_id", [None, "req-1"])
def test_sign_in_that_is_not_remembered_is_for_one_thing(
    services: Services, jar: Jar, alice: Person, clock: StillClock, request_id: str | None
) -> None:
    jar.sign_in(alice, request_id, remember=False)
    others = {None, "req-1", "req-2"} - {request_id}

    assert jar.who(request_id) == ["alice.test"]
    assert [jar.who(other) for other in others] == [[], []]
    clock.advance(15 * 60 - 1)
    assert jar.who(request_id) == ["alice.test"]
    clock.advance(1)
    assert jar.who(request_id) == []


def test_not_to_be_remembered_undoes_having_been(jar: Jar, alice: Person) -> None:
    jar.sign_in(alice)
    jar.sign_in(alice, "req-1", remember=False)

    assert (jar.who(), jar.who("req-1")) == ([], ["alice.test"])


def test_last_to_sign_in_comes_first(
    jar: Jar, alice: Person, bob: Person, clock: StillClock
) -> None:
    for person in (alice, bob, alice):
        clock.advance(1)
        jar.sign_in(person)

    assert jar.who() == ["alice.test", "bob.test"]


# --- signing out ----------------------------------------------------------------------------------


def test_sign_out_leaves_the_others(
    services: Services, jar: Jar, alice: Person, bob: Person
) -> None:
    jar.sign_in(alice)
    jar.sign_in(bob)
    thief = jar.copy()

    after = jar.take(services.browsers.sign_out(jar.come(), alice.did))

    assert after.new_ses_id is not None
    assert jar.who() == ["bob.test"]
    assert thief.who() == []


def test_last_sign_out_forgets_the_browser(services: Services, jar: Jar, alice: Person) -> None:
    jar.sign_in(alice)
    before = jar.come()

    after = jar.take(services.browsers.sign_out(before, alice.did))

    assert not is_there(before)
    assert (after.id, after.is_known, after.new_ses_id) == (before.id, False, None)
    assert services.browsers.sign_out(jar.come(), alice.did).id == before.id


def test_owner_ends_a_browser_from_another(
    services: Services, jar: Jar, alice: Person, bob: Person
) -> None:
    there = jar.sign_in(alice)

    assert not services.browsers.end(bob.row.id, there.id)
    assert services.browsers.end(alice.row.id, there.id)
    assert not services.browsers.end(alice.row.id, there.id)
    assert jar.who() == []


def test_account_is_signed_out_everywhere_else(services: Services, alice: Person) -> None:
    here, there = Jar(services), Jar(services)
    kept = here.sign_in(alice)
    there.sign_in(alice)

    services.browsers.end_all(alice.row.id, kept.id)

    assert (here.who(), there.who()) == (["alice.test"], [])
    services.browsers.end_all(alice.row.id)
    assert here.who() == []
    assert rows("SELECT * FROM browser") == []


def test_what_is_past_is_forgotten(
    services: Services, jar: Jar, alice: Person, bob: Person, clock: StillClock
) -> None:
    Jar(services).sign_in(bob, remember=False)
    jar.sign_in(alice)
    clock.advance(UNREMEMBERED_US / 1_000_000)

    assert services.browsers.expire() == 1
    assert services.browsers.list_for_account(bob.row.id) == []
    jar.come()
    clock.advance(FORGOTTEN_UNSEEN_US / 1_000_000)
    assert services.browsers.expire() == 1
    assert not jar.come().is_known


def test_sign_in_goes_with_its_account(services: Services, jar: Jar, alice: Person) -> None:
    browser = jar.sign_in(alice)
    with transaction():
        execute("DELETE FROM account WHERE id = ?", (alice.row.id,))

    assert jar.who() == []
    assert browsers.list_signed_in(browser.id) == []


def test_rows_are_what_they_say(jar: Jar, alice: Person, clock: StillClock) -> None:
    browser = jar.sign_in(alice, "req-1", remember=False)
    expected = BrowserAccountRow(browser.id, alice.row.id, clock(), False, "req-1")

    [found] = browsers.list_signed_in(browser.id)

    assert dataclasses.replace(found, remembered=bool(found.remembered)) == expected
