"""Members are told of what may be somebody else's doing, and not pestered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import AccountTakedownError, AuthRequiredError, InvalidRequestError
from pds.services.devices import Device
from pds.storage.database import execute, rows, transaction
from tests.factories import Person, StillClock, make_account, take_down

if TYPE_CHECKING:
    from pds.services import Services

HOME = Device("Sky/1.0", "192.0.2.7")


def log_in(services: Services, person: Person, device: Device = HOME, password: str = "") -> None:
    services.sessions.login(person.handle, password or person.password, device=device)


def notices() -> list[tuple[str, str]]:
    """(topic, plain text) of the mail that waits, which is then thrown away."""
    found = rows("SELECT topic, text FROM outgoing_mail ORDER BY id")
    with transaction():
        execute("DELETE FROM outgoing_mail")
    return found


def test_new_place_is_told_of_once(services: Services, alice: Person) -> None:
    log_in(services, alice)
    [(topic, text)] = notices()
    assert topic == "new_sign_in"
    told = " ".join(text.split())
    assert "on 2026-09-21 at 14:13 UTC, from the address 192.0.2.7, with Sky." in told

    log_in(services, alice)
    assert notices() == []


def test_place_of_the_sign_up_is_known(services: Services) -> None:
    carol = make_account(services, "carol", device=HOME)
    assert notices() == []

    log_in(services, carol)
    assert notices() == []


@pytest.mark.parametrize(
    ("device", "is_new"),
    [
        (Device("Sea/1.0", "192.0.2.7"), True),
        (Device("Sky/2.0", "192.0.2.7"), False),  # an update is no news
        (Device("Sky/1.0", "192.0.2.8"), True),
        (Device(None, "192.0.2.7"), True),
        (Device("Sky/1.0", None), True),
        (Device("Sky/1.0", "192.0.2.7"), False),
    ],
)
def test_program_and_address_make_a_place(
    services: Services, alice: Person, device: Device, *, is_new: bool
) -> None:
    log_in(services, alice)
    notices()

    log_in(services, alice, device)
    assert bool(notices()) is is_new


@pytest.mark.parametrize(
    ("address", "is_new"), [("2001:db8::1:2:3:4", False), ("2001:db8:0:1::1", True)]
)
def test_neighbours_in_ipv6_are_one_household(
    services: Services, alice: Person, address: str, *, is_new: bool
) -> None:
    log_in(services, alice, Device("Sky/1.0", "2001:db8::1"))
    notices()

    log_in(services, alice, Device("Sky/1.0", address))
    assert bool(notices()) is is_new


def test_place_is_new_again_once_its_session_has_ended(services: Services, alice: Person) -> None:
    log_in(services, alice)
    with transaction():
        services.sessions.revoke_all(alice.row.id)
    notices()

    log_in(services, alice)
    assert len(notices()) == 1


def test_others_places_are_new(services: Services, alice: Person, bob: Person) -> None:
    log_in(services, alice)
    notices()

    log_in(services, bob)
    assert len(notices()) == 1


def test_program_without_a_name_is_described(services: Services, alice: Person) -> None:
    log_in(services, alice, Device(None, None))

    # Sign-up in these tests is from nowhere, too.
    assert notices() == []
    log_in(services, alice, Device(None, "192.0.2.9"))
    [(_, text)] = notices()
    assert "with a program that does not say its name" in " ".join(text.split())


def test_failed_attempts_are_no_news(services: Services, alice: Person) -> None:
    with pytest.raises(AuthRequiredError):
        log_in(services, alice, password="wrong")
    take_down(alice)
    with pytest.raises(AccountTakedownError):
        log_in(services, alice)

    assert notices() == []


def test_app_passwords_are_told_of_when_made_not_when_used(
    services: Services, alice: Person, clock: StillClock
) -> None:
    password = services.app_passwords.create(alice.did, "my <phone>", privileged=False).password
    [(topic, text)] = notices()
    assert topic == "app_password_created"
    assert 'An app password named "my <phone>"' in " ".join(text.split())
    assert password not in text

    log_in(services, alice, password=password)
    assert notices() == []
    with pytest.raises(InvalidRequestError):
        services.app_passwords.create(alice.did, "my <phone>", privileged=False)
    assert notices() == []
