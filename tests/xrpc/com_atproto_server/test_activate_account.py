"""activateAccount: who may, and that it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import IncompatibleDidDocError
from pds.services.session_scopes import Scope
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.factories import Person, ask, make_newcomer

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.activateAccount"


def test_account_comes_back(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    assert ask(services, NSID, alice.caller) is None
    assert alice.row.is_active
    assert ask(services, NSID, alice.caller) is None


def test_did_must_point_here(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())

    with pytest.raises(IncompatibleDidDocError) as raised:
        ask(services, NSID, Caller("user", newcomer.did, Scope.ACCESS))
    assert raised.value.status == 400


def test_app_passwords_may_not() -> None:
    assert load_methods()[NSID].auth is Auths.FULL_USER
