"""getServiceAuth: a token that other servers accept, and every refusal on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.services.session_scopes import Scope
from tests.factories import CREATE_ACCOUNT, Person, take_down
from tests.oauth_tools import let_in
from tests.over_http import ADMIN_HEADER, wire
from tests.session_tools import access_as

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.getServiceAuth"
UPLOAD = "com.atproto.repo.uploadBlob"


def test_token_is_accepted_where_it_is_meant_for(services: Services, alice: Person) -> None:
    """Here that is this very server, which takes a user's token for uploads."""
    with wire(services) as http:
        reply = http.get(NSID, alice, aud=services.config.service_did, lxm=UPLOAD).json

    services.validator.check_output(NSID, reply)
    assert services.service_tokens.verify_user(reply["token"], UPLOAD) == alice.did


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({}, "InvalidRequest", "aud"),
        ({"aud": "nobody"}, "InvalidRequest", "aud must be a valid atproto DID"),
        ({"aud": "did:web:" + "a" * 2_048}, "InvalidRequest", "aud"),
        ({"aud": "did:web:a.test", "lxm": "nonsense"}, "InvalidRequest", "lxm"),
        ({"aud": "did:web:a.test", "exp": "soon"}, "InvalidRequest", "exp"),
        ({"aud": "did:web:a.test", "exp": 1}, "BadExpiration", "expiration is in past"),
        (
            {"aud": "did:web:a.test", "lxm": "com.atproto.server.updateEmail"},
            "InvalidRequest",
            "protected method",
        ),
    ],
)
def test_refusals_are_named(
    services: Services, alice: Person, params: dict[str, object], error: str, message: str
) -> None:
    with wire(services) as http:
        status, name, said = http.get(NSID, alice, **params).error

    assert (status, name) == (400, error)
    assert message in said


def test_callers_get_what_their_session_allows(services: Services, alice: Person) -> None:
    wanted = {"aud": "did:web:new.example.com", "lxm": CREATE_ACCOUNT}
    with wire(services) as http:
        assert http.get(NSID, **wanted).error[:2] == (401, "AuthMissing")
        assert http.get(NSID, ADMIN_HEADER, **wanted).error[:2] == (400, "InvalidToken")
        app = f"Bearer {access_as(services, alice, Scope.APP_PASS)}"
        assert http.get(NSID, app, **wanted).error[:2] == (400, "InvalidRequest")
        assert http.get(NSID, app, aud=wanted["aud"]).status == 200


def test_taken_down_account_may_move_away(services: Services, alice: Person) -> None:
    take_down(alice)
    session = services.sessions.login(alice.handle, alice.password, allow_takendown=True)
    caller = f"Bearer {session.tokens.access_jwt}"
    with wire(services) as http:
        assert http.get(NSID, caller, aud="did:web:a.test", lxm=CREATE_ACCOUNT).status == 200
        other = http.get(NSID, caller, aud="did:web:a.test", lxm=UPLOAD)

    assert other.error == (400, "InvalidToken", "Bad token scope")


@pytest.mark.parametrize(
    ("scope", "lxm", "status"),
    [
        ("transition:generic", UPLOAD, 200),
        ("transition:generic", None, 200),
        ("transition:generic", CREATE_ACCOUNT, 200),  # an app may help its member move
        ("transition:generic", "chat.bsky.convo.listConvos", 403),
        ("transition:generic transition:chat.bsky", "chat.bsky.convo.listConvos", 200),
        (f"rpc:{UPLOAD}?aud=*", UPLOAD, 200),
        (f"rpc:{UPLOAD}?aud=*", None, 403),
        (f"rpc:{UPLOAD}?aud=did:web:a.test%23svc", UPLOAD, 403),
        ("", UPLOAD, 403),
        # never, whatever the scopes
        ("transition:generic", "com.atproto.server.updateEmail", 400),
        ("rpc:com.atproto.server.updateEmail?aud=*", "com.atproto.server.updateEmail", 400),
        ("", "com.atproto.server.updateEmail", 403),
    ],
)
def test_apps_get_what_their_scopes_permit(
    services: Services, alice: Person, scope: str, lxm: str | None, status: int
) -> None:
    app = let_in(services, alice, f"atproto {scope}".strip())
    wanted = {"aud": "did:web:a.test"} if lxm is None else {"aud": "did:web:a.test", "lxm": lxm}

    with wire(services) as http:
        answer = app.get(http.web, NSID, **wanted)

    assert answer.status == status
    assert ("token" in answer.json) == (status == 200)
