"""deactivateAccount: who may, and that it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import Person, ask

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.deactivateAccount"


@pytest.mark.parametrize("delete_after", [None, "2027-01-01T00:00:00.000Z"])
def test_account_goes_silent(services: Services, alice: Person, delete_after: str | None) -> None:
    given = {} if delete_after is None else {"deleteAfter": delete_after}

    assert ask(services, NSID, alice.caller, input=given) is None
    assert (alice.row.status, alice.row.delete_after) == ("deactivated", delete_after)


def test_taken_down_account_may_and_app_passwords_may_not() -> None:
    assert load_methods()[NSID].auth is Auths.FULL_USER_OR_TAKEN_DOWN
