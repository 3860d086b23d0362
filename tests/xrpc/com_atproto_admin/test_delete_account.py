"""admin.deleteAccount: who may, that it works, and that nothing is made up about strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import NotFoundError
from pds.storage import accounts
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import ADMIN, Person, ask, read_events
from tests.leftovers import all_rows

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.deleteAccount"


def test_account_is_deleted(services: Services, alice: Person, bob: Person) -> None:
    assert ask(services, NSID, ADMIN, input={"did": alice.did}) is None

    assert accounts.find_by_did(alice.did) is None
    assert bob.row.is_active
    assert read_events()[-1][1]["status"] == "deleted"


def test_unknown_account_is_refused_without_an_event(services: Services, alice: Person) -> None:
    before = all_rows()

    with pytest.raises(NotFoundError, match="Could not find account") as raised:
        ask(services, NSID, ADMIN, input={"did": "did:plc:ewvi7nxzyoun6zhxrhs64oiz"})
    assert (raised.value.status, raised.value.error) == (400, "NotFound")
    assert all_rows() == before


def test_only_the_admin_may() -> None:
    assert load_methods()[NSID].auth is Auths.ADMIN
