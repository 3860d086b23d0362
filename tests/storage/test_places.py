"""Where an account has been used, by sessions and in browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.services.devices import Device
from pds.storage import places
from pds.storage.database import execute, transaction
from tests.factories import Person

if TYPE_CHECKING:
    from pds.services import Services


def test_sessions_and_browsers_of_the_account_are_told(
    services: Services, alice: Person, bob: Person
) -> None:
    for device in (Device("Sky", "192.0.2.7"), Device("Sky", "192.0.2.7"), Device("Sky", None)):
        services.sessions.login(alice.handle, alice.password, device=device)
    services.sessions.login(bob.handle, bob.password, device=Device("Sky", "198.51.100.1"))
    with transaction():
        for name, person in (("hers", alice), ("his", bob)):
            execute(
                "INSERT INTO browser (id, secret_hash, rotated_at_us, user_agent, ip,"
                " created_at_us, seen_at_us) VALUES (?, 'hash', 0, ?, '192.0.2.8', 0, 0)",
                (name, f"Firefox of {name}"),
            )
            execute("INSERT INTO browser_account VALUES (?, ?, 0, 1, NULL)", (name, person.row.id))

    sign_up = (None, None)
    assert set(places.list_for_account(alice.row.id, 10)) == {
        sign_up,
        ("Sky", "192.0.2.7"),
        ("Sky", None),
        ("Firefox of hers", "192.0.2.8"),
    }
    assert len(places.list_for_account(alice.row.id, 2)) == 2
