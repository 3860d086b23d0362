"""Who is recognised, for how long, and that a stolen or planted cookie is worth nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.services.browsers import (
    Browser,
)
from pds.services.devices import Device
from tests.browser_jar import HERE, Jar, is_there
from tests.factories import Person, StillClock, race
from tests.leftovers import all_rows

if TYPE_CHECKING:
    from pds.services import Services


# --- strangers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dev_id", [None, "", "dev-", "dev-" + "g" * 32, "dev-" + "a" * 33])
def test_stranger_gets_a_number_and_leaves_nothing_behind(
    services: Services, dev_id: str | None
) -> None:
    before = all_rows()

    browser = services.browsers.recognise(dev_id, None, HERE)

    assert not browser.is_known
    assert browser.new_dev_id == browser.dev_id != dev_id
    assert browser.new_ses_id is None
    assert all_rows() == before


def test_stranger_keeps_its_number(jar: Jar) -> None:
    first = jar.come()
    again = jar.come()

    assert (again.id, again.csrf, again.new_dev_id) == (first.id, first.csrf, None)


def test_forms_of_one_browser_are_not_those_of_another(services: Services) -> None:
    assert Jar(services).come().csrf != Jar(services).come().csrf


def test_cookies_do_not_show_in_logs(jar: Jar, alice: Person) -> None:
    browser = jar.sign_in(alice)

    assert browser.dev_id not in repr(browser)
    assert browser.csrf not in repr(browser)
    assert str(browser.new_ses_id) not in repr(browser)


# --- the secret and its replacement ---------------------------------------------------------------


def test_secret_is_replaced_every_few_minutes(jar: Jar, alice: Person, clock: StillClock) -> None:
    jar.sign_in(alice)
    clock.advance(5 * 60)
    assert jar.come().new_ses_id is None
    clock.advance(1)

    assert jar.come().new_ses_id is not None
    assert jar.who() == ["alice.test"]


@pytest.mark.parametrize("device", [Device("Safari", HERE.ip), Device(HERE.user_agent, "::1")])
def test_secret_is_replaced_when_the_browser_shows_itself_otherwise(
    services: Services, jar: Jar, alice: Person, device: Device
) -> None:
    jar.sign_in(alice)

    assert jar.come(device).new_ses_id is not None

    [seen] = services.browsers.list_for_account(alice.row.id)
    assert (seen.user_agent, seen.ip) == (device.user_agent, device.ip)


def test_requests_at_the_same_time_get_on(jar: Jar, alice: Person, clock: StillClock) -> None:
    jar.sign_in(alice)
    jar.come()
    clock.advance(6 * 60)
    late = jar.copy()
    jar.come()
    jar.come()
    clock.advance(5)

    found = late.come()

    assert found.is_known
    assert found.new_ses_id is None
    assert jar.come().is_known


def test_many_requests_at_the_same_time_get_one_secret(
    services: Services, jar: Jar, alice: Person, clock: StillClock
) -> None:
    jar.sign_in(alice)
    clock.advance(6 * 60)

    found = race([jar.copy().come for _ in range(8)])

    browsers_found = [one for one in found if isinstance(one, Browser)]
    assert [one.is_known for one in browsers_found] == [True] * 8
    [new] = [one.new_ses_id for one in browsers_found if one.new_ses_id]
    jar.ses_id = new
    assert jar.who() == ["alice.test"]


def test_reply_that_was_lost_costs_nothing(jar: Jar, alice: Person, clock: StillClock) -> None:
    jar.sign_in(alice)
    jar.come()
    clock.advance(6 * 60)
    jar.copy().come()  # whose answer never arrives
    clock.advance(60 * 60)

    assert jar.who() == ["alice.test"]
    assert jar.come().is_known


def test_replaced_secret_is_a_theft(jar: Jar, alice: Person, clock: StillClock) -> None:
    browser = jar.sign_in(alice)
    thief = jar.copy()
    clock.advance(6 * 60)
    jar.come()
    jar.come()  # the new one has arrived
    clock.advance(6)

    found = thief.come()

    assert not found.is_known
    assert found.new_dev_id is not None
    assert not is_there(browser)
    assert jar.who() == []


def test_thief_who_comes_first_is_found_out(jar: Jar, alice: Person, clock: StillClock) -> None:
    browser = jar.sign_in(alice)
    jar.come()
    thief = jar.copy()
    clock.advance(6 * 60)
    thief.come()
    clock.advance(6)
    jar.come()  # as after a lost answer
    clock.advance(6)

    assert thief.who() == []
    assert not is_there(browser)
    assert jar.who() == []


@pytest.mark.parametrize("ses_id", [None, "", "ses-" + "0" * 32])
def test_number_alone_is_no_proof(
    services: Services, jar: Jar, alice: Person, clock: StillClock, ses_id: str | None
) -> None:
    jar.sign_in(alice)
    jar.come()
    clock.advance(6)
    other = jar.copy()
    other.ses_id = ses_id

    assert not other.come().is_known
    assert other.dev_id != jar.dev_id


def test_guess_right_after_a_replacement_gains_and_costs_nothing(jar: Jar, alice: Person) -> None:
    jar.sign_in(alice)
    other = jar.copy()
    other.ses_id = "ses-" + "0" * 32

    assert not other.come().is_known
    assert jar.who() == ["alice.test"]
