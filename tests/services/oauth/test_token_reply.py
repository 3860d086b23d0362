from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person
from tests.grant_tools import SCOPE, grant_row, tokens_of

if TYPE_CHECKING:
    from pds.services import Services


def test_a_reply_has_the_members_of_a_token_response(services: Services, alice: Person) -> None:
    grant = grant_row(services, alice)

    reply = tokens_of(services, grant, alice.did)
    assert reply.to_value() == {
        "access_token": reply.access_token,
        "token_type": "DPoP",
        "refresh_token": reply.refresh_token,
        "expires_in": 1_800,
        "scope": SCOPE,
        "sub": alice.did,
    }
    assert tokens_of(services, grant, alice.did) == reply


def test_a_client_that_may_not_refresh_gets_no_refresh_token(
    services: Services, alice: Person
) -> None:
    grant = grant_row(services, alice, refresh_hash=None, refresh_expires_at_us=None)

    assert "refresh_token" not in tokens_of(services, grant, alice.did).to_value()
