"""From an app's request to its calls, with nothing replaced: push, browser, code, token, call."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from pds.storage import accounts
from pds.storage.database import transaction
from tests.app_over_http import AppOverHttp
from tests.browser_tools import Page, TestBrowser
from tests.factories import Person, StillClock
from tests.oauth_client import make_proof
from tests.stage import Stage
from tests.web.harness import Answer

BACK = "http://127.0.0.1:8765/callback"
SCOPE = "atproto account:email repo:com.example.note"
CLIENT_ID = "http://localhost?" + urlencode({"redirect_uri": BACK, "scope": SCOPE})
VERIFIER = "a-verifier-of-forty-three-characters-or-more"


class Story:
    """One app, one member at a browser."""

    def __init__(self, stage: Stage, clock: StillClock) -> None:
        self.clock = clock
        self.issuer = stage.services.config.public_url
        self.web = stage.web
        self.app = AppOverHttp(stage.web, self.issuer, CLIENT_ID, clock)
        self.browser = TestBrowser(stage.web, origin=self.issuer)

    def start(self, **parameters: str) -> Page:
        """The app pushes its request and sends the member."""
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        fields = {
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": SCOPE,
            "state": "the app's own",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **parameters,
        }
        pushed = self.app.post("/oauth/par", fields)
        assert pushed.status == 201, pushed.body
        query = {"client_id": CLIENT_ID, "request_uri": pushed.json["request_uri"]}
        return self.browser.open(f"/oauth/authorize?{urlencode(query)}", site="cross-site")

    def sign_in(self, page: Page, person: Person) -> Page:
        form = page.form("/oauth/authorize/sign-in")
        return self.browser.submit(form, identifier=person.handle, password=person.password)

    def allow(self, page: Page, *but: str) -> dict[str, str]:
        """What the app is told."""
        form = page.form("/oauth/authorize/consent")
        done = self.browser.submit(form, without={"allow": but})
        assert done.leads_to is not None
        assert done.leads_to.startswith(BACK)
        told = {name: text for name, [text] in parse_qs(urlsplit(done.leads_to).query).items()}
        assert (told["iss"], told["state"]) == (self.issuer, "the app's own")
        return told

    def exchange(self, code: str, verifier: str = VERIFIER) -> Answer:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        return self.app.post("/oauth/token", {**fields, "code_verifier": verifier})

    def call(self, tokens: dict[str, Any], nsid: str) -> Answer:
        path = f"/xrpc/{nsid}"
        proof = make_proof(
            key=self.app.key,
            now=self.clock() / 1_000_000,
            htm="GET",
            htu=self.issuer + path,
            nonce=self.app.nonce,
            access_token=tokens["access_token"],
        )
        return self.web.get(path, Authorization=f"DPoP {tokens['access_token']}", DPoP=proof)


@pytest.fixture
def story(stage: Stage, clock: StillClock) -> Story:
    return Story(stage, clock)


def test_app_acts_for_its_member(story: Story, alice: Person) -> None:
    told = story.allow(story.sign_in(story.start(), alice))

    answer = story.exchange(told["code"])

    assert answer.status == 200, answer.body
    assert answer.json["sub"] == alice.did
    assert set(answer.json["scope"].split()) == set(SCOPE.split())
    session = story.call(answer.json, "com.atproto.server.getSession")
    assert session.status == 200, session.body
    assert (session.json["did"], session.json["email"]) == (alice.did, alice.email)


def test_what_was_left_out_is_not_given(story: Story, alice: Person) -> None:
    told = story.allow(story.sign_in(story.start(), alice), "email")
    tokens = story.exchange(told["code"]).json

    assert set(tokens["scope"].split()) == {"atproto", "repo:com.example.note"}
    session = story.call(tokens, "com.atproto.server.getSession").json
    assert session["did"] == alice.did
    assert "email" not in session


def test_code_is_good_once(story: Story, alice: Person) -> None:
    told = story.allow(story.sign_in(story.start(), alice))
    tokens = story.exchange(told["code"]).json

    again = story.exchange(told["code"])

    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    assert story.call(tokens, "com.atproto.server.getSession").status == 401


def test_code_lapses(story: Story, alice: Person, clock: StillClock) -> None:
    told = story.allow(story.sign_in(story.start(), alice))
    clock.advance(300)

    answer = story.exchange(told["code"])

    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


def test_code_is_of_no_use_after_a_takedown(story: Story, alice: Person) -> None:
    told = story.allow(story.sign_in(story.start(), alice))
    with transaction():
        accounts.set_takedown(alice.row.id, "ref")

    assert story.exchange(told["code"]).json["error"] == "invalid_grant"


def test_new_password_ends_what_the_old_one_allowed(
    story: Story, stage: Stage, alice: Person
) -> None:
    told = story.allow(story.sign_in(story.start(), alice))
    tokens = story.exchange(told["code"]).json
    stage.services.password_changes.change_by_operator(alice.did, "quite another password")

    assert story.call(tokens, "com.atproto.server.getSession").status == 401
    assert story.start().heading == "Sign in"
