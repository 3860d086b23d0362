"""getRecommendedDidCredentials: what an account's DID must say to live here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person, ask, make_newcomer
from tests.over_http import wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.getRecommendedDidCredentials"


def test_reply_is_what_the_document_needs(services: Services, alice: Person) -> None:
    reply = ask(services, NSID, alice.caller)

    assert reply["alsoKnownAs"] == ["at://alice.test"]
    assert reply["rotationKeys"] == [services.identity.server_rotation_key]
    assert reply["services"] == {
        "atproto_pds": {
            "type": "AtprotoPersonalDataServer",
            "endpoint": services.config.public_url,
        }
    }
    services.identity.check_account_document(alice.did, reply["verificationMethods"]["atproto"])


def test_account_that_moves_in_asks_before_it_is_active(services: Services) -> None:
    newcomer = make_newcomer(services)
    created = services.accounts.create(newcomer.wants())

    with wire(services) as http:
        answer = http.get(NSID, f"Bearer {created.tokens.access_jwt}")

    assert answer.json["alsoKnownAs"] == ["at://carol.test"]


def test_nobody_in_particular_is_refused(services: Services) -> None:
    with wire(services) as http:
        assert http.get(NSID).error[:2] == (401, "AuthMissing")
