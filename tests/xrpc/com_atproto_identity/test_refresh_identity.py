"""refreshIdentity: what is remembered does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person, ask, end_did, take_down
from tests.fakes.did_web import did_web
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.refreshIdentity"
NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_document_is_fetched_anew_and_remembered(services: Services, alice: Person) -> None:
    with did_web() as dora:
        services.identity.did_document(dora.did)
        dora.publish("https://new.example.com", handle="nobody.test")

        reply = ask(services, NSID, alice.caller, input={"identifier": dora.did})

        assert (reply["did"], reply["handle"]) == (dora.did, "handle.invalid")
        assert reply["didDoc"]["service"][0]["serviceEndpoint"] == "https://new.example.com"
        assert services.identity.did_document(dora.did) == reply["didDoc"]


def test_failures_have_names(services: Services, alice: Person, bob: Person) -> None:
    end_did(services.identity, bob.did)
    with wire(services) as http:
        for identifier, name in (
            ("nobody.test", "HandleNotFound"),
            (NOBODY, "DidNotFound"),
            (bob.did, "DidDeactivated"),
            ("nonsense", "InvalidRequest"),
        ):
            answer = http.post(NSID, alice, {"identifier": identifier})
            assert answer.error[:2] == (400, name)


def test_only_people_with_an_account_here_may(services: Services, alice: Person) -> None:
    body = {"identifier": alice.did}
    with wire(services) as http:
        assert http.post(NSID, alice, body).status == 200
        assert http.post(NSID, None, body).error[:2] == (401, "AuthMissing")
        assert http.post(NSID, ADMIN_HEADER, body).error[:2] == (400, "InvalidToken")
        take_down(alice)
        assert http.post(NSID, alice, body).error[:2] == (401, "AccountTakedown")
