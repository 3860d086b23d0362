"""revokeAppPassword: the program is out at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.services.session_scopes import Scope
from pds.storage.database import rows
from tests.factories import Person
from tests.over_http import wire
from tests.session_tools import access_as

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.revokeAppPassword"
GET_SESSION = "com.atproto.server.getSession"
REFRESH = "com.atproto.server.refreshSession"
REVOKED = (400, "ExpiredToken", "Token has been revoked")


def test_program_is_out_at_once(services: Services, alice: Person) -> None:
    made = services.app_passwords.create(alice.did, "phone", privileged=False)
    tokens = services.sessions.login(alice.handle, made.password).tokens
    program = f"Bearer {tokens.access_jwt}"
    with wire(services) as http:
        assert http.get(GET_SESSION, program).status == 200
        for _ in range(2):
            answer = http.post(NSID, alice, {"name": "phone"})
            assert (answer.status, answer.body) == (200, b"")

        assert http.get(GET_SESSION, program).error == REVOKED
        assert http.post(REFRESH, f"Bearer {tokens.refresh_jwt}").error == REVOKED
        assert http.get(GET_SESSION, alice).status == 200


def test_app_passwords_revoke_nothing(services: Services, alice: Person) -> None:
    services.app_passwords.create(alice.did, "phone", privileged=False)
    with wire(services) as http:
        assert http.post(NSID, None, {"name": "phone"}).error[:2] == (401, "AuthMissing")
        assert http.post(NSID, alice, {}).error[:2] == (400, "InvalidRequest")
        for scope in (Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED, Scope.TAKENDOWN):
            caller = f"Bearer {access_as(services, alice, scope)}"
            answer = http.post(NSID, caller, {"name": "phone"})
            assert answer.error == (400, "InvalidToken", "Bad token scope")

    assert rows("SELECT name FROM app_password") == [("phone",)]
