"""signPlcOperation: an operation for a code, and garbage that costs no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.network.plc_directory import TombstonedDidError
from pds.services.local_plc import LocalPlc
from pds.storage import email_tokens
from pds.storage.database import execute, rows, transaction
from tests.factories import Person, StillClock, dump_tables, end_did, take_down
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.signPlcOperation"
SUBMIT = "com.atproto.identity.submitPlcOperation"
OTHER = PrivateKey.generate()
CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"


def code_for(services: Services, person: Person) -> str:
    services.plc_operations.request_signature(person.did)
    issued = email_tokens.find_token(person.row.id, "plc_operation")
    assert issued is not None
    return issued.token


def state() -> dict[str, list[tuple[Any, ...]]]:
    return dump_tables(
        "account", "event", "plc_operation", "identity_change", "email_token", "outgoing_mail"
    )


def test_operation_is_signed_once_for_a_code(services: Services, alice: Person) -> None:
    body = {
        "token": code_for(services, alice).lower(),
        "rotationKeys": [OTHER.did_key, services.identity.server_rotation_key],
        "alsoKnownAs": ["at://alice.test", "https://alice.example.com"],
    }
    last = services.identity.last_operation(alice.did)
    with wire(services) as http:
        signed = http.post(NSID, alice, body).json["operation"]

        assert services.identity.last_operation(alice.did) == last  # nothing is sent
        assert signed["prev"] == str(plc.operation_cid(last))
        assert signed["rotationKeys"] == body["rotationKeys"]
        assert signed["alsoKnownAs"] == body["alsoKnownAs"]
        assert signed["services"] == last["services"]
        assert http.post(NSID, alice, body).error == (400, "InvalidToken", "Token is invalid")
        assert http.post(SUBMIT, alice, {"operation": signed}).status == 200
    assert services.identity.last_operation(alice.did) == signed


def test_owner_is_told_by_mail(services: Services, alice: Person) -> None:
    services.plc_operations.sign(alice.did, code_for(services, alice), {})

    assert rows("SELECT topic FROM outgoing_mail ORDER BY id DESC LIMIT 1") == [
        ("identity_changed",)
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotationKeys": []}, "rotationKeys: 1 to 5 keys"),
        ({"rotationKeys": [PrivateKey.generate().did_key for _ in range(6)]}, "rotationKeys: 1 to"),
        ({"rotationKeys": [OTHER.did_key] * 2}, "rotationKeys: duplicates"),
        ({"rotationKeys": ["did:key:zNonsense"]}, "rotationKeys: "),
        ({"alsoKnownAs": ["a" * 259]}, "alsoKnownAs: longer than 258"),
        ({"alsoKnownAs": [f"at://{number}.test" for number in range(11)]}, "alsoKnownAs: more"),
        ({"verificationMethods": {"atproto": "nonsense"}}, "verificationMethods: not a did:key"),
        ({"verificationMethods": {"atproto": 7}}, "verificationMethods has the wrong type"),
        ({"verificationMethods": {"a": {"$link": CID}}}, "verificationMethods has the wrong type"),
        ({"verificationMethods": {"a": {"b": {}}}}, "verificationMethods has the wrong type"),
        ({"services": {"atproto_pds": "https://a.example"}}, "services has the wrong type"),
        ({"services": {"atproto_pds": {"type": "a"}}}, "services has the wrong type"),
        ({"services": {"a": {"type": "a", "endpoint": "b", "c": "d"}}}, "services has the wrong"),
        ({"services": {"a#b": {"type": "a", "endpoint": "b"}}}, "services: names are"),
        ({"services": {"a": {"type": "a", "endpoint": "b" * 513}}}, "services: endpoint too long"),
    ],
)
def test_what_no_directory_would_take_costs_no_code(
    services: Services, alice: Person, changes: dict[str, Any], message: str
) -> None:
    body = {"token": code_for(services, alice), **changes}
    before = state()
    with wire(services) as http:
        status, name, said = http.post(NSID, alice, body).error
        assert (status, name) == (400, "InvalidRequest")
        assert said.startswith(f"Invalid operation: {message}")
        assert state() == before

        assert http.post(NSID, alice, {"token": body["token"]}).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"rotationKeys": "nonsense"},
        {"rotationKeys": [7]},
        {"alsoKnownAs": {}},
        {"verificationMethods": "nonsense"},
        {"verificationMethods": {"$link": CID}},
        {"verificationMethods": {"$bytes": "AAAA"}},
        {"services": [1]},
        {"services": None},
        {"token": 7},
    ],
)
def test_what_is_not_in_the_schema_costs_no_code(
    services: Services, alice: Person, changes: dict[str, Any]
) -> None:
    body = {"token": code_for(services, alice), **changes}
    before = state()
    with wire(services) as http:
        assert http.post(NSID, alice, body).error[:2] == (400, "InvalidRequest")
    assert state() == before


def test_wrong_codes_are_named(services: Services, alice: Person, clock: StillClock) -> None:
    with wire(services) as http:
        for body in ({}, {"token": ""}):
            assert http.post(NSID, alice, body).error == (
                400,
                "InvalidRequest",
                "email confirmation token required to sign PLC operations",
            )
        assert http.post(NSID, alice, {"token": "AAAAA-AAAAA"}).error[:2] == (400, "InvalidToken")
        code = code_for(services, alice)
        clock.advance(15 * 60)
        assert http.post(NSID, alice, {"token": code}).error[:2] == (400, "ExpiredToken")
    assert len(rows("SELECT * FROM plc_operation")) == 1


def test_did_that_is_not_ours_to_change_costs_no_code(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"token": code_for(services, alice)}
    end_did(services.identity, alice.did)
    before = state()
    with wire(services) as http:
        assert http.post(NSID, alice, body).error == (400, "InvalidRequest", "Did is tombstoned")

        def forget(_self: LocalPlc, _did: str) -> plc.Operation:
            raise TombstonedDidError

        monkeypatch.setattr(LocalPlc, "last", forget)
        assert http.post(NSID, alice, body).error[:2] == (400, "InvalidRequest")
    assert state() == before


def test_did_web_has_no_operations(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET did = 'did:web:alice.example.com'")
    session = services.sessions.login(alice.handle, alice.password)
    with wire(services) as http:
        answer = http.post(NSID, f"Bearer {session.tokens.access_jwt}", {"token": "AAAAA-AAAAA"})

    assert answer.error[:2] == (400, "InvalidRequest")
    assert answer.error[2].startswith("Only a did:plc has operations")


def test_owner_with_every_right_may_even_when_taken_down(services: Services, alice: Person) -> None:
    body = {"token": code_for(services, alice)}
    with wire(services) as http:
        assert http.post(NSID, None, body).error[:2] == (401, "AuthMissing")
        assert http.post(NSID, ADMIN_HEADER, body).error[:2] == (400, "InvalidToken")
        take_down(alice)
        moving = services.sessions.login(alice.did, alice.password, allow_takendown=True)
        assert http.post(NSID, f"Bearer {moving.tokens.access_jwt}", body).status == 200
