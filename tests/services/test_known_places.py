"""Which addresses count as an account's own, and which programs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.services import known_places
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.known_places import KnownPlaces
from tests.factories import Person, make_account

if TYPE_CHECKING:
    from pds.services import Services

HOME = Device("Sky/1.0", "2001:db8::1")
NEXT_DOOR = Device("Sea/1.0", "2001:db8::2")
AWAY = Device("Sky/1.0", "2001:db8:0:1::1")


@pytest.fixture
def places(services: Services) -> KnownPlaces:
    del services
    return KnownPlaces()


def test_address_of_a_log_in_is_known_for_its_account(
    places: KnownPlaces, alice: Person, bob: Person
) -> None:
    places.remember(alice.row, HOME)

    assert places.knows(alice.row, HOME)
    assert places.knows(alice.row, NEXT_DOOR)
    assert not places.knows(alice.row, AWAY)
    assert not places.knows(bob.row, HOME)
    assert not places.knows(None, HOME)


def test_sessions_and_browsers_that_go_on_are_known(
    services: Services, places: KnownPlaces, bob: Person
) -> None:
    carol = make_account(services, "carol", device=HOME)
    browsers = services.browsers
    browser = browsers.recognise(None, None, AWAY)
    browsers.sign_in(browser, carol.row.id, remember=True)

    assert places.knows(carol.row, HOME)
    assert places.knows(carol.row, AWAY)
    services.sessions.end_all(carol.row.id)
    browsers.end_all(carol.row.id)
    assert not places.knows(carol.row, HOME)
    assert not places.knows(carol.row, AWAY)


def test_sessions_of_app_passwords_are_not(
    services: Services, places: KnownPlaces, alice: Person
) -> None:
    password = services.app_passwords.create(alice.did, "phone", privileged=False).password
    services.sessions.login(alice.handle, password, device=HOME)

    assert not places.knows(alice.row, HOME)
    assert places.is_new(alice.row, HOME)


def test_nothing_is_known_of_who_has_no_address(places: KnownPlaces, alice: Person) -> None:
    places.remember(alice.row, UNKNOWN_DEVICE)

    assert not places.knows(alice.row, UNKNOWN_DEVICE)


def test_program_is_new_at_an_address_until_it_has_a_session_there(
    services: Services, places: KnownPlaces, alice: Person
) -> None:
    assert places.is_new(alice.row, HOME)
    services.sessions.login(alice.handle, alice.password, device=HOME)

    assert not places.is_new(alice.row, HOME)
    assert not places.is_new(alice.row, Device("Sky/2.0", "2001:db8::7"))
    assert places.is_new(alice.row, NEXT_DOOR)
    assert places.is_new(alice.row, AWAY)


def test_memory_is_bounded_and_keeps_the_newest(
    places: KnownPlaces, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_places, "MAX_REMEMBERED", 3)
    devices = [Device("Sky", f"192.0.2.{number}") for number in range(4)]
    for device in [*devices[:3], devices[0], devices[3]]:
        places.remember(alice.row, device)

    assert [places.knows(alice.row, device) for device in devices] == [True, False, True, True]


def test_unknown_account_is_looked_up_like_any_other(
    places: KnownPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def list_for_account(account_id: int, limit: int) -> list[tuple[str | None, str | None]]:
        asked.append(account_id)
        return []

    monkeypatch.setattr("pds.storage.places.list_for_account", list_for_account)
    places.knows(None, HOME)

    assert asked == [known_places.NOBODY]
