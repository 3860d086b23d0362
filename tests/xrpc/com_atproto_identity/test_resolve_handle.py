"""com.atproto.identity.resolveHandle"""

from __future__ import annotations

import pytest

from pds.errors import HandleNotFoundError
from pds.services import Services
from pds.xrpc.com_atproto_identity.resolve_handle import resolve_handle
from pds.xrpc.method import METHODS, Auths
from tests.factories import Person, make_call


def test_the_handle_of_an_account_here_resolves(services: Services, alice: Person) -> None:
    call = make_call(services, params={"handle": "Alice.test"})

    assert resolve_handle(call) == {"did": alice.did}


def test_an_unknown_handle_below_our_domain_is_not_found(services: Services) -> None:
    with pytest.raises(HandleNotFoundError):
        resolve_handle(make_call(services, params={"handle": "nobody.test"}))


def test_anybody_may_ask() -> None:
    assert METHODS["com.atproto.identity.resolveHandle"].auth == Auths.NONE
