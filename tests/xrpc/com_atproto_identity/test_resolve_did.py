"""resolveDid: documents, and the protocol's names for their absence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import Person, end_did
from tests.fakes.did_web import did_web
from tests.over_http import wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.resolveDid"
NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_documents_of_us_and_of_others(services: Services, alice: Person) -> None:
    with did_web() as dora, wire(services) as http:
        for did in (alice.did, dora.did, services.config.service_did):
            assert http.get(NSID, did=did).json["didDoc"]["id"] == did


def test_failures_have_names(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_did(services.identity, alice.did)
    with did_web() as dora, wire(services) as http:
        assert http.get(NSID, did=NOBODY).error[:2] == (400, "DidNotFound")
        assert http.get(NSID, did="did:example:abc").error[:2] == (400, "DidNotFound")
        assert http.get(NSID, did=alice.did).error[:2] == (400, "DidDeactivated")
        assert http.get(NSID, did="nonsense").error[:2] == (400, "InvalidRequest")
        dora.server.text("/.well-known/did.json", "busy", status=503)
        assert http.get(NSID, did=dora.did).error[:2] == (502, "UpstreamFailure")
