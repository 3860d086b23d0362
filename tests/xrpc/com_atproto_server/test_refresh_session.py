"""refreshSession: new tokens for a refresh token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import AccountTakedownError, ExpiredTokenError, MissingTokenIdError
from pds.services.session_scopes import Scope
from pds.xrpc.method import Caller
from tests.factories import Person, ask, take_down

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.refreshSession"


def holder(services: Services, refresh_jwt: str) -> Caller:
    claims = services.sessions.verify_refresh(refresh_jwt)
    return Caller("user", claims.did, Scope.REFRESH, claims.token_id)


def test_reply_is_that_of_a_login(services: Services, alice: Person) -> None:
    reply = ask(services, NSID, holder(services, alice.refresh_jwt))

    assert reply["refreshJwt"] != alice.refresh_jwt
    assert services.sessions.verify_access(reply["accessJwt"]).scope is Scope.ACCESS
    assert (reply["did"], reply["handle"], reply["active"]) == (alice.did, "alice.test", True)
    assert ask(services, NSID, holder(services, reply["refreshJwt"]))


def test_revoked_token_is_an_expired_one(services: Services, alice: Person) -> None:
    caller = holder(services, alice.refresh_jwt)
    assert caller.token_id is not None
    services.sessions.log_out(caller.token_id, caller.session_id)

    with pytest.raises(ExpiredTokenError) as raised:
        ask(services, NSID, caller)
    assert (raised.value.status, raised.value.message) == (400, "Token has been revoked")


def test_taken_down_account_is_told_why(services: Services, alice: Person) -> None:
    take_down(alice)

    with pytest.raises(AccountTakedownError):
        ask(services, NSID, holder(services, alice.refresh_jwt))


def test_token_without_an_id_is_refused(services: Services, alice: Person) -> None:
    with pytest.raises(MissingTokenIdError):
        ask(services, NSID, Caller("user", alice.did, Scope.REFRESH))
