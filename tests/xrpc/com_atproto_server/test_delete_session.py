"""deleteSession: logging out, as often as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.services.session_scopes import Scope
from pds.storage.database import rows
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.factories import Person, ask

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.deleteSession"


def test_session_is_gone_and_others_stay(services: Services, alice: Person, bob: Person) -> None:
    claims = services.sessions.verify_refresh(alice.refresh_jwt)
    caller = Caller("user", alice.did, Scope.REFRESH, claims.token_id, claims.session_id)

    for _ in range(2):
        assert ask(services, NSID, caller) is None

    kept = services.sessions.verify_refresh(bob.refresh_jwt).token_id
    assert rows("SELECT id FROM refresh_token") == [(kept,)]


def test_lapsed_tokens_are_accepted() -> None:
    assert load_methods()[NSID].auth is Auths.REFRESH_OR_EXPIRED
