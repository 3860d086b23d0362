"""getSession: whose session it is, whatever has become of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.errors import InvalidRequestError
from pds.storage import accounts
from pds.storage.database import transaction
from pds.xrpc.method import Caller
from tests.factories import Person, ask, take_down

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.getSession"


def test_account_is_described(services: Services, alice: Person) -> None:
    assert ask(services, NSID, alice.caller) == {
        "did": alice.did,
        "handle": "alice.test",
        "email": "alice@example.com",
        "emailConfirmed": False,
        "active": True,
    }


def test_deactivated_account_is_served(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    reply = ask(services, NSID, alice.caller)
    assert (reply["active"], reply["status"]) == (False, "deactivated")


def test_taken_down_and_deleted_accounts_have_no_session(
    services: Services, alice: Person, bob: Person
) -> None:
    take_down(alice)
    with transaction():
        accounts.delete(bob.row.id)

    for person in (alice, bob):
        with pytest.raises(InvalidRequestError, match=f"Could not find user info.*{person.did}"):
            ask(services, NSID, person.caller)


@pytest.mark.parametrize(
    ("scope", "is_shown"),
    [
        ("atproto transition:generic", False),
        ("atproto account:email", True),
        ("atproto account:email?action=manage", True),
        ("atproto transition:email", True),
    ],
)
def test_app_sees_the_address_only_if_it_may(
    services: Services, alice: Person, scope: str, is_shown: bool
) -> None:
    reply = ask(services, NSID, Caller("user", alice.did, scopes=ScopeSet.parse(scope)))

    assert ("email" in reply, "emailConfirmed" in reply) == (is_shown, is_shown)
    assert reply["handle"] == alice.handle
