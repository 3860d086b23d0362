"""resolveIdentity: DID, document and a handle that both sides agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person, end_did
from tests.fakes.did_web import did_web
from tests.over_http import wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.resolveIdentity"
NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_either_name_leads_to_the_identity(services: Services, alice: Person) -> None:
    expected = {
        "did": alice.did,
        "handle": "alice.test",
        "didDoc": services.identity.did_document(alice.did),
    }
    with wire(services) as http:
        for name in (alice.did, alice.handle):
            assert http.get(NSID, identifier=name).json == expected


def test_handle_that_does_not_point_back_is_invalid(services: Services) -> None:
    with did_web() as dora, wire(services) as http:
        dora.publish("https://old.example.com", handle="nobody.test")

        assert http.get(NSID, identifier=dora.did).json["handle"] == "handle.invalid"


def test_failures_have_names(services: Services, alice: Person, bob: Person) -> None:
    end_did(services.identity, alice.did)
    with wire(services) as http:
        for identifier, name in (
            ("nobody.test", "HandleNotFound"),
            ("alice.invalid", "HandleNotFound"),
            (NOBODY, "DidNotFound"),
            (alice.did, "DidDeactivated"),
            ("alice.test", "DidDeactivated"),
            ("nonsense", "InvalidRequest"),
        ):
            assert http.get(NSID, identifier=identifier).error[:2] == (400, name)
