"""createAppPassword: who may, and what every refusal looks like on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.services.session_scopes import Scope
from pds.storage.database import rows
from tests.factories import Person, dump_tables, take_down
from tests.over_http import ADMIN_HEADER, wire
from tests.session_tools import access_as

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.createAppPassword"
LOG_IN = "com.atproto.server.createSession"


@pytest.mark.parametrize(("privileged", "shown"), [(None, False), (False, False), (True, True)])
def test_password_is_made_and_lets_in(
    services: Services, alice: Person, *, privileged: bool | None, shown: bool
) -> None:
    wanted: dict[str, object] = {"name": "phone"}
    if privileged is not None:
        wanted["privileged"] = privileged
    with wire(services) as http:
        made = http.post(NSID, alice, wanted)
        services.validator.check_output(NSID, made.json)
        credentials = {"identifier": alice.handle, "password": made.json["password"]}
        session = http.post(LOG_IN, None, {**credentials, "authFactorToken": "12345"})

    assert made.status == session.status == 200
    assert (made.json["name"], made.json["privileged"]) == ("phone", shown)
    scope = services.sessions.verify_access(session.json["accessJwt"]).scope
    assert scope is (Scope.APP_PASS_PRIVILEGED if shown else Scope.APP_PASS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "name"),
        ({"name": 7}, "name"),
        ({"name": "tv", "privileged": "yes"}, "privileged"),
        ({"name": ""}, "must not be empty"),
        ({"name": "x" * 257}, "at most 256 characters"),
        ({"name": "a\nb"}, "control characters"),
        ({"name": "\ud800"}, ""),
        ({"name": "phone"}, "already an app password with this name"),
    ],
)
def test_refusals_are_named_and_change_nothing(
    services: Services, alice: Person, body: dict[str, object], message: str
) -> None:
    services.app_passwords.create(alice.did, "phone", privileged=False)
    before = dump_tables()
    with wire(services) as http:
        status, error, said = http.post(NSID, alice, body).error

    assert (status, error) == (400, "InvalidRequest")
    assert message in said
    assert dump_tables() == before


def test_only_the_owner_with_every_right_may(services: Services, alice: Person) -> None:
    callers = {None: (401, "AuthMissing"), ADMIN_HEADER: (400, "InvalidToken")}
    callers[f"Bearer {alice.refresh_jwt}"] = (400, "InvalidToken")
    for scope in (Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED, Scope.TAKENDOWN):
        callers[f"Bearer {access_as(services, alice, scope)}"] = (400, "InvalidToken")
    with wire(services) as http:
        for caller, expected in callers.items():
            assert http.post(NSID, caller, {"name": "tv"}).error[:2] == expected
        take_down(alice)
        assert http.post(NSID, alice, {"name": "tv"}).error[:2] == (401, "AccountTakedown")

    assert rows("SELECT * FROM app_password") == []
