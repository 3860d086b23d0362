"""createInviteCode: one code from the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import InvalidRequestError, NotFoundError
from pds.storage.database import rows
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import ADMIN, Person, ask

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.createInviteCode"


@pytest.mark.parametrize("for_member", [False, True])
def test_code_is_made_for_its_owner(services: Services, alice: Person, for_member: bool) -> None:
    given = {"forAccount": alice.did} if for_member else {}
    owner = alice.did if for_member else "admin"

    reply = ask(services, NSID, ADMIN, input={"useCount": 3, **given})

    stored = rows("SELECT code, available_uses, for_account FROM invite_code")
    assert stored == [(reply["code"], 3, owner)]
    assert reply["code"].startswith("localhost-")
    services.invites.check(reply["code"])


def test_code_for_nobody_is_refused(services: Services) -> None:
    with pytest.raises(InvalidRequestError):
        ask(services, NSID, ADMIN, input={"useCount": 0})
    assert rows("SELECT * FROM invite_code") == []


def test_code_for_an_unknown_account_is_refused(services: Services) -> None:
    with pytest.raises(NotFoundError, match="Could not find account"):
        ask(services, NSID, ADMIN, input={"useCount": 1, "forAccount": "did:plc:abc"})
    assert rows("SELECT * FROM invite_code") == []


def test_only_the_admin_may() -> None:
    assert load_methods()[NSID].auth is Auths.ADMIN
