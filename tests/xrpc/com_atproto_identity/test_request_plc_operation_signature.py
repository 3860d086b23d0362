"""requestPlcOperationSignature: who gets a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.storage.database import execute, rows, transaction
from tests.factories import Person, take_down
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.requestPlcOperationSignature"


def codes() -> list[tuple[str]]:
    return [(purpose,) for (purpose,) in rows("SELECT purpose FROM email_token")]


def test_code_is_issued_and_mailed(services: Services, alice: Person) -> None:
    with wire(services) as http:
        answer = http.post(NSID, alice)

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Hearth-Notice"] == services.email_tokens.hint()
    assert codes() == [("plc_operation",)]
    assert rows("SELECT topic FROM outgoing_mail") == [("plc_operation",)]


def test_owner_with_every_right_may_even_when_taken_down(services: Services, alice: Person) -> None:
    with wire(services) as http:
        assert http.post(NSID).error[:2] == (401, "AuthMissing")
        assert http.post(NSID, ADMIN_HEADER).error[:2] == (400, "InvalidToken")
        assert codes() == []
        take_down(alice)
        moving = services.sessions.login(alice.did, alice.password, allow_takendown=True)
        assert http.post(NSID, f"Bearer {moving.tokens.access_jwt}").status == 200
    assert codes() == [("plc_operation",)]


def test_did_web_has_no_operations(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET did = 'did:web:alice.example.com'")
    session = services.sessions.login(alice.handle, alice.password)
    with wire(services) as http:
        status, name, message = http.post(NSID, f"Bearer {session.tokens.access_jwt}").error

    assert (status, name) == (400, "InvalidRequest")
    assert message.startswith("Only a did:plc has operations")
    assert codes() == []
