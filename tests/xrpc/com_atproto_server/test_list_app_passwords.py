"""listAppPasswords: names and dates, never the passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.services.session_scopes import Scope
from tests.factories import Person, StillClock
from tests.over_http import wire
from tests.session_tools import access_as

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.listAppPasswords"


def test_names_are_listed_the_newest_first(
    services: Services, alice: Person, bob: Person, clock: StillClock
) -> None:
    services.app_passwords.create(alice.did, "phone", privileged=False)
    clock.advance(1)
    services.app_passwords.create(alice.did, "desk", privileged=True)
    services.app_passwords.create(bob.did, "bob's", privileged=False)
    with wire(services) as http:
        reply = http.get(NSID, alice).json

    services.validator.check_output(NSID, reply)
    assert reply == {
        "passwords": [
            {"name": "desk", "createdAt": "2026-09-21T14:13:21.000Z", "privileged": True},
            {"name": "phone", "createdAt": "2026-09-21T14:13:20.000Z", "privileged": False},
        ]
    }


def test_app_passwords_may_not_look(services: Services, alice: Person) -> None:
    with wire(services) as http:
        assert http.get(NSID).error[:2] == (401, "AuthMissing")
        for scope in (Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED):
            caller = f"Bearer {access_as(services, alice, scope)}"
            assert http.get(NSID, caller).error == (400, "InvalidToken", "Bad token scope")
