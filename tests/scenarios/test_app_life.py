"""An app from its first request to its end, over HTTP: nothing here is faked but the member."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from pds.atproto.oauth import pkce
from pds.services.oauth.refresh_tokens import hash_of
from pds.services.takedowns import AccountSubject, Takedown
from pds.storage import oauth_requests
from pds.storage.database import transaction
from tests.app_over_http import AppOverHttp
from tests.factories import Person, StillClock
from tests.member_tools import Member
from tests.oauth_client import make_proof

if TYPE_CHECKING:
    from pds.services import Services
    from tests.stage import Stage
    from tests.web.harness import Answer

SCOPE = "atproto transition:generic"
CLIENT_ID = f"http://localhost?scope={quote(SCOPE)}"
REDIRECT_URI = "http://127.0.0.1/"
SESSION = "/xrpc/com.atproto.server.getSession"
CREATE = "/xrpc/com.atproto.repo.createRecord"
TOKEN = "/oauth/token"


class LivingApp:
    """It pushes, is agreed to, gets tokens and uses them."""

    def __init__(self, stage: Stage) -> None:
        services = stage.services
        self._web = stage.web
        self._issuer = services.config.public_url
        self._clock = services.clock
        self.machine = AppOverHttp(stage.web, self._issuer, CLIENT_ID, services.clock)
        self.tokens: dict[str, Any] = {}

    def sign_in(self, person: Person) -> None:
        verifier, code = secrets.token_urlsafe(32), f"cod-{secrets.token_hex(32)}"
        pushed = self.machine.post(
            "/oauth/par",
            {
                "response_type": "code",
                "redirect_uri": REDIRECT_URI,
                "scope": SCOPE,
                "state": "state",
                "code_challenge": pkce.challenge_of(verifier),
                "code_challenge_method": "S256",
            },
        )
        assert pushed.status == 201, pushed.body
        request_id = pushed.json["request_uri"].rpartition(":")[2]
        with transaction():
            assert oauth_requests.set_granted(
                request_id, person.row.id, SCOPE, hash_of(code), self._clock() + 300_000_000
            )
        answer = self.machine.post(
            TOKEN,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": REDIRECT_URI,
                "code_verifier": verifier,
            },
        )
        assert answer.status == 200, answer.body
        self.tokens = answer.json

    def refresh(self) -> Answer:
        token = self.tokens["refresh_token"]
        answer = self.machine.post(TOKEN, {"grant_type": "refresh_token", "refresh_token": token})
        if answer.status == 200:
            self.tokens = answer.json
        return answer

    def call(self, verb: str, path: str, value: Any = None) -> Answer:
        token = self.tokens["access_token"]
        proof = make_proof(
            key=self.machine.key,
            now=self._clock() / 1_000_000,
            htm=verb,
            htu=self._issuer + path,
            nonce=self.machine.nonce,
            access_token=token,
        )
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
        if value is not None:
            headers["Content-Type"] = "application/json"
        body = None if value is None else json.dumps(value)
        answer = self._web.request(verb, path, body, headers)
        self.machine.nonce = answer.headers["DPoP-Nonce"]
        return answer


@pytest.fixture
def living(stage: Stage, alice: Person) -> LivingApp:
    app = LivingApp(stage)
    app.sign_in(alice)
    return app


def test_an_app_lives_and_ends(living: LivingApp, alice: Person, clock: StillClock) -> None:
    session = living.call("GET", SESSION)
    assert (session.status, session.json["did"]) == (200, alice.did)
    assert "email" not in session.json
    record = {"$type": "app.bsky.feed.post", "text": "hi", "createdAt": "2026-01-01T00:00:00Z"}
    post = {"repo": alice.did, "collection": "app.bsky.feed.post", "record": record}
    assert living.call("POST", CREATE, post).status == 200

    for _ in range(3):
        clock.advance(1_800)
        lapsed = living.call("GET", SESSION)
        assert (lapsed.status, lapsed.json["error"]) in {
            (401, "use_dpop_nonce"),
            (401, "invalid_token"),
        }
        assert living.refresh().status == 200
        assert living.call("GET", SESSION).status == 200

    revoked = living.machine.post("/oauth/revoke", {"token": living.tokens["access_token"]})
    assert (revoked.status, revoked.json) == (200, {})
    ended = living.call("GET", SESSION)
    assert (ended.status, ended.json["error"]) == (401, "invalid_token")
    refused = living.refresh()
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("way", ["member", "takedown", "password", "deletion"])
def test_whatever_ends_a_grant_is_felt_at_once(
    services: Services, living: LivingApp, alice: Person, way: str
) -> None:
    assert living.call("GET", SESSION).status == 200

    if way == "member":
        [grant] = services.oauth.grants.list_for_account(alice.row.id)
        services.oauth.grants.revoke_for_member(alice.row.id, grant.id)
    elif way == "takedown":
        services.takedowns.update(AccountSubject(alice.did), Takedown(True), deactivated=None)
        services.takedowns.update(AccountSubject(alice.did), Takedown(False), deactivated=None)
    elif way == "password":
        services.password_changes.change_by_operator(alice.did, "another password")
    else:
        services.accounts.delete(alice.did)

    ended = living.call("GET", SESSION)
    assert (ended.status, ended.json["error"]) == (401, "invalid_token")
    assert ended.headers["WWW-Authenticate"].startswith("DPoP ")
    refused = living.refresh()
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")


def test_deactivation_keeps_apps(services: Services, living: LivingApp, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    session = living.call("GET", SESSION)
    assert (session.status, session.json["active"]) == (200, False)
    assert living.refresh().status == 200


@pytest.mark.parametrize("change", ["sign out", "address", "handle"])
def test_what_is_no_business_of_apps_leaves_them_be(
    stage: Stage, living: LivingApp, alice: Person, change: str
) -> None:
    member = Member(stage, alice)
    member.sign_in()

    if change == "sign out":
        member.browser.submit(member.open().form("/account/sign-out"))
        assert member.open().address == "/account/sign-in"
    elif change == "address":
        stage.ok("com.atproto.server.updateEmail", {"email": "new@example.com"}, by=alice)
    else:
        stage.ok("com.atproto.identity.updateHandle", {"handle": "another.test"}, by=alice)

    assert living.call("GET", SESSION).status == 200
    assert living.refresh().status == 200


def test_a_token_is_of_no_use_as_a_password_sessions(stage: Stage, living: LivingApp) -> None:
    answer = stage.web.get(SESSION, Authorization=f"Bearer {living.tokens['access_token']}")

    assert answer.status in {400, 401}
    assert answer.json["error"] == "InvalidToken"
