"""createInviteCodes: several codes from the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import NotFoundError
from pds.storage.database import rows
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import ADMIN, Person, ask

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.createInviteCodes"


def test_without_more_it_is_one_code_of_the_admins(services: Services) -> None:
    reply = ask(services, NSID, ADMIN, input={"useCount": 1})

    [(code,)] = rows("SELECT code FROM invite_code")
    assert reply == {"codes": [{"account": "admin", "codes": [code]}]}


def test_every_account_gets_its_codes(services: Services, alice: Person, bob: Person) -> None:
    owners = [alice.did, bob.did]

    reply = ask(services, NSID, ADMIN, input={"useCount": 2, "codeCount": 3, "forAccounts": owners})

    assert [entry["account"] for entry in reply["codes"]] == owners
    made = {(code, entry["account"]) for entry in reply["codes"] for code in entry["codes"]}
    assert len(made) == 6
    assert set(rows("SELECT code, for_account FROM invite_code")) == made


def test_one_unknown_account_is_no_codes_for_anybody(services: Services, alice: Person) -> None:
    with pytest.raises(NotFoundError):
        ask(services, NSID, ADMIN, input={"useCount": 1, "forAccounts": [alice.did, "did:web:b.c"]})
    assert rows("SELECT * FROM invite_code") == []


def test_only_the_admin_may() -> None:
    assert load_methods()[NSID].auth is Auths.ADMIN
