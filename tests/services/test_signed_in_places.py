"""Where members are signed in, as one list."""

from __future__ import annotations

from pds.services import Services
from pds.services.browsers import Browser
from pds.services.devices import Device
from tests.factories import Person, StillClock

FIREFOX = Device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "::1")
PHONE = Device("Bluesky/1.105.0 CFNetwork/1568.1 Darwin/24.0.0", "203.0.113.7")


def new_browser(services: Services, person: Person) -> Browser:
    stranger = services.browsers.recognise(None, None, FIREFOX)
    return services.browsers.sign_in(stranger, person.row.id, remember=True)


def test_this_browser_is_first_then_the_last_used(
    services: Services, alice: Person, clock: StillClock
) -> None:
    here = new_browser(services, alice)
    clock.advance(10)
    there = new_browser(services, alice)
    clock.advance(10)
    services.sessions.login(alice.handle, alice.password, device=PHONE)

    found = services.signed_in_places.list_all(alice.row.id, here.id)

    assert [(place.kind, place.is_here, place.program) for place in found] == [
        ("browser", True, "Firefox on Linux"),
        ("session", False, "Bluesky on an Apple device"),
        ("browser", False, "Firefox on Linux"),
        ("session", False, "a program that does not say its name"),
    ]
    assert found[2].id == there.id
    assert found[1].ip == "203.0.113.7"
    assert found[1].used_at_us == clock()


def test_places_of_others_cannot_be_ended(services: Services, alice: Person, bob: Person) -> None:
    places = services.signed_in_places
    new_browser(services, bob)
    theirs = places.list_all(bob.row.id, "")

    assert [places.end(alice.row.id, place.kind, place.id) for place in theirs] == [False, False]

    assert places.list_all(bob.row.id, "") == theirs


def test_ending_tells_whether_there_was_anything_to_end(services: Services, alice: Person) -> None:
    places = services.signed_in_places
    new_browser(services, alice)

    for place in places.list_all(alice.row.id, ""):
        assert places.end(alice.row.id, place.kind, place.id)
        assert not places.end(alice.row.id, place.kind, place.id)

    assert places.list_all(alice.row.id, "") == []


def test_all_others_are_ended(services: Services, alice: Person, bob: Person) -> None:
    places = services.signed_in_places
    here = new_browser(services, alice)
    new_browser(services, alice)
    new_browser(services, bob)
    bobs = places.list_all(bob.row.id, "")

    places.end_others(alice.row.id, here.id)

    assert [place.id for place in places.list_all(alice.row.id, "")] == [here.id]
    assert places.list_all(bob.row.id, "") == bobs
