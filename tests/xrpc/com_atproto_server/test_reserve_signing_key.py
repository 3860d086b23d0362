"""reserveSigningKey: for the DID itself or the admin, not for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.crypto.keypair import PublicKey
from pds.services import reserved_keys
from pds.storage.database import rows
from tests.factories import Person, make_newcomer
from tests.fakes.did_web import did_web
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.reserveSigningKey"
NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_owner_of_a_did_is_promised_a_key(services: Services) -> None:
    carol = make_newcomer(services)
    by_carol = f"Bearer {carol.token(services, NSID)}"
    with did_web() as dora, wire(services) as http:
        first = http.post(NSID, by_carol, {"did": carol.did}).json["signingKey"]
        PublicKey.from_did_key(first)
        assert http.post(NSID, by_carol, {}).json["signingKey"] == first

        by_dora = f"Bearer {dora.token(services, NSID)}"
        assert http.post(NSID, by_dora, {"did": dora.did}).json["signingKey"] != first
    assert len(rows("SELECT * FROM reserved_key")) == 2


def test_admin_reserves_for_anybody_by_name(services: Services) -> None:
    with wire(services) as http:
        assert http.post(NSID, ADMIN_HEADER, {"did": NOBODY}).status == 200
        assert http.post(NSID, ADMIN_HEADER, {}).error == (
            400,
            "InvalidRequest",
            "did is required",
        )
    assert rows("SELECT did FROM reserved_key") == [(NOBODY,)]


def test_everybody_else_is_refused(services: Services, alice: Person) -> None:
    carol = make_newcomer(services)
    by_carol = f"Bearer {carol.token(services, NSID)}"
    for_other_method = f"Bearer {carol.token(services, 'com.atproto.server.createAccount')}"
    for_other_server = f"Bearer {carol.token(services, NSID, aud='did:web:other.example.com')}"
    with wire(services) as http:
        for caller, body, expected in (
            (None, {"did": carol.did}, (401, "AuthMissing")),
            (None, {}, (401, "AuthMissing")),
            (alice, {"did": carol.did}, (401, "BadJwtType")),
            (by_carol, {"did": NOBODY}, (401, "AuthenticationRequired")),
            (for_other_method, {"did": carol.did}, (401, "BadJwtLexiconMethod")),
            (for_other_server, {"did": carol.did}, (401, "BadJwtAudience")),
            (ADMIN_HEADER[:-4], {"did": carol.did}, (401, "AuthenticationRequired")),
            ("DPoP token", {"did": carol.did}, (400, "InvalidToken")),
            (by_carol, {"did": "nonsense"}, (400, "InvalidRequest")),
            (ADMIN_HEADER, {"did": alice.did}, (400, "AlreadyExists")),
        ):
            assert http.post(NSID, caller, body).error[:2] == expected
    assert rows("SELECT * FROM reserved_key") == []


def test_there_is_an_end_to_it(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserved_keys, "MAX_RESERVED", 0)
    with wire(services) as http:
        answer = http.post(NSID, ADMIN_HEADER, {"did": NOBODY})

    assert answer.error[:2] == (503, "NotEnoughResources")
