"""Attacks on codes, and on the way they take through the browser.

Codes used twice, late or with a wrong verifier: tests/services/oauth/test_code_exchange.py and
tests/web/oauth/test_token.py. Requests of another browser or client:
tests/web/pages/authorize/test_start.py.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from pds.atproto.oauth import pkce
from pds.oauth_errors import OAuthError
from pds.services.oauth.requests import REQUEST_URI_PREFIX
from tests.attack_tools import (
    BACK,
    THEIR_BACK,
    Client,
    Scene,
    check_invalid_grant,
    grants,
    loopback_id,
    told,
)
from tests.browser_tools import Page
from tests.factories import Person, StillClock, race
from tests.oauth_client import FORM
from tests.stage import Stage


@pytest.fixture
def scene(stage: Stage, clock: StillClock) -> Scene:
    return Scene(stage, clock)


# --- codes that are another's -------------------------------------------------------------------


def test_stolen_code_is_worthless_to_another_client(scene: Scene, alice: Person) -> None:
    victim, thief = scene.client(1), scene.client(2, redirect_uri=THEIR_BACK)
    code = scene.code(victim, alice)

    # Even with all of the victim's secrets, and with its own.
    check_invalid_grant(thief.exchange(code, redirect_uri=BACK, code_verifier=victim.verifier))

    check_invalid_grant(victim.exchange(code))
    assert grants() == 0


def test_stolen_code_is_worthless_with_another_key(scene: Scene, alice: Person) -> None:
    victim, thief = scene.client(1), scene.client(2)
    code = scene.code(victim, alice)
    thief.verifier = victim.verifier

    check_invalid_grant(thief.exchange(code))

    assert grants() == 0


def test_code_slipped_to_a_victim_signs_nobody_in_as_the_attacker(
    scene: Scene, alice: Person, bob: Person
) -> None:
    attackers, victims = scene.client(2), scene.client(1)
    scene.consent(scene.browser(), victims, alice)
    code = scene.code(attackers, bob)

    check_invalid_grant(victims.exchange(code))

    assert grants() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": ""},
        {"code_challenge_method": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": "a-verifier-of-forty-three-characters-or-mor"},
        {"code_challenge": "a" * 42 + "B"},
    ],
    ids=str,
)
def test_no_request_does_without_its_challenge(scene: Scene, changes: dict[str, str]) -> None:
    answer = scene.client().push(**changes)

    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_challenge_is_not_its_own_verifier(scene: Scene, alice: Person) -> None:
    client = scene.client()
    code = scene.code(client, alice)

    check_invalid_grant(client.exchange(code, code_verifier=pkce.challenge_of(client.verifier)))

    check_invalid_grant(client.exchange(code))


def test_eight_exchanges_at_once_leave_no_second_grant(scene: Scene, alice: Person) -> None:
    client = scene.client()
    client.machine.nonce = scene.nonce()
    code = scene.code(client, alice)

    outcomes = race([lambda: client.exchange(code).status for _ in range(8)])

    assert sorted(str(one) for one in outcomes) == ["200", *["400"] * 7]
    # Whoever came second has read the code; what the first one got has ended.
    assert grants() == 0


# --- requests that are over ----------------------------------------------------------------------


def test_denied_request_gives_no_code_afterwards(scene: Scene, alice: Person) -> None:
    browser = scene.browser()
    page = scene.consent(browser, scene.client(), alice)
    assert told(browser.submit(page.form("/oauth/authorize/deny")))["error"] == "access_denied"

    after = browser.submit(page.form("/oauth/authorize/consent"))

    assert after.leads_to is None
    assert after.status == 400


def test_lapsed_request_gives_no_code(scene: Scene, alice: Person, clock: StillClock) -> None:
    browser = scene.browser()
    page = scene.consent(browser, scene.client(), alice)
    clock.advance(301)

    after = browser.submit(page.form("/oauth/authorize/consent"))

    assert "code" not in (told(after) if after.leads_to else {})
    assert grants() == 0


def test_form_of_the_victim_is_worthless_in_another_browser(
    scene: Scene, alice: Person, bob: Person
) -> None:
    victim, attacker = scene.browser(), scene.browser()
    page = scene.consent(victim, scene.client(1), alice)
    scene.consent(attacker, scene.client(2), bob)

    sent = attacker.submit(page.form("/oauth/authorize/consent"))

    assert sent.status == 403
    assert sent.leads_to is None


def test_request_cannot_be_answered_by_whom_the_form_does_not_name(
    scene: Scene, alice: Person, bob: Person
) -> None:
    browser = scene.browser()
    page = scene.consent(browser, scene.client(), alice)
    form = page.form("/oauth/authorize/consent")
    for name in (alice.did, quote(alice.did, safe="")):
        form.action = form.action.replace(name, name.replace(alice.did[8:], bob.did[8:]))
    assert bob.did[8:] in form.action

    sent = browser.submit(form)

    assert "code" not in (told(sent) if sent.leads_to else {})


# --- who answers (mix-up) ------------------------------------------------------------------------


def allowed(scene: Scene, client: Client, alice: Person, mode: str) -> Page:
    browser = scene.browser()
    page = scene.consent(browser, client, alice, response_mode=mode)
    return browser.submit(page.form("/oauth/authorize/consent"))


def denied(scene: Scene, client: Client, alice: Person, mode: str) -> Page:
    browser = scene.browser()
    page = scene.consent(browser, client, alice, response_mode=mode)
    return browser.submit(page.form("/oauth/authorize/deny"))


def begun_elsewhere(scene: Scene, client: Client, _alice: Person, mode: str) -> Page:
    page = scene.open(scene.browser(), client, response_mode=mode)
    return scene.browser().open(page.address)


def of_another_client(scene: Scene, client: Client, _alice: Person, mode: str) -> Page:
    pushed = client.push(response_mode=mode).json["request_uri"]
    query = {"client_id": loopback_id(THEIR_BACK), "request_uri": pushed}
    browser = scene.browser()
    browser.open("/account")
    return browser.open(f"/oauth/authorize?{urlencode(query)}")


@pytest.mark.parametrize("ending", [allowed, denied, begun_elsewhere, of_another_client])
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_every_answer_names_who_gives_it(
    scene: Scene, alice: Person, mode: str, ending: Callable[..., Page]
) -> None:
    page = ending(scene, scene.client(), alice, mode)

    if mode == "form_post":
        form = page.form(BACK)
        assert form.action == BACK
        fields = dict(form.filled({}, None, {}))
    else:
        fields = told(page)
        assert page.leads_to is not None
        assert page.leads_to.startswith(BACK + ("?" if mode == "query" else "#"))
    assert (fields["iss"], fields["state"]) == (scene.issuer, "the app's own")
    assert ("code" in fields) == (ending is allowed)
    assert (
        scene.stage.web.get("/.well-known/oauth-authorization-server").json["issuer"]
        == (fields["iss"])
    )


# --- where the browser is sent -------------------------------------------------------------------

CLOSE_BY = [
    "http://127.0.0.1:8765/callback/",
    "http://127.0.0.1:8765/Callback",
    "http://127.0.0.1:8765/%63allback",
    "http://127.0.0.1:8765/callback%2f",
    "http://127.0.0.1:8765/x/../callback",
    "http://127.0.0.1:8765/x/%2e%2e/callback",
    "http://127.0.0.1:8765//callback",
    "http://127.0.0.1:8765/callback?",
    "http://127.0.0.1:8765/callback?code=mine",
    "http://127.0.0.1:8765/callback#",
    "http://127.0.0.1:8765/callback#@evil.example.net",
    "http://127.0.0.1:8765/callback;x",
    "http://127.0.0.1:8766/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:08765/callback@evil.example.net",
    "http://127.0.0.1:8765@evil.example.net/callback",
    "http://evil.example.net@127.0.0.1:8765/callback",
    "http://127.0.0.1.evil.example.net:8765/callback",
    "http://127.1:8765/callback",
    "http://2130706433:8765/callback",
    "http://0x7f.0.0.1:8765/callback",
    "http://0177.0.0.1:8765/callback",
    "http://[::ffff:127.0.0.1]:8765/callback",
    "http://[::1]:8765/callback",
    "http://localhost:8765/callback",
    "http://ⓛocalhost:8765/callback",
    "http://127。0。0。1:8765/callback",
    "https://127.0.0.1:8765/callback",
    "HTTP://127.0.0.1:8765/callback\t",
    "http:\\\\127.0.0.1:8765\\callback",
    "http:/127.0.0.1:8765/callback",
    "//127.0.0.1:8765/callback",
    "/callback",
    "http://127.0.0.1:8765/callback http://evil.example.net/",
    "http://127.0.0.1:8765/callback\r\nLocation: http://evil.example.net/",
    "javascript:alert(1)//127.0.0.1:8765/callback",
    "data:text/html,hello",
    "com.evil.app:/callback",
]


@pytest.mark.parametrize("uri", CLOSE_BY, ids=ascii)
def test_redirect_uri_that_is_merely_close_is_refused(scene: Scene, uri: str) -> None:
    answer = scene.client().push(redirect_uri=uri)

    assert (answer.status, answer.json["error"]) == (400, "invalid_redirect_uri"), answer.body


def test_two_redirect_uris_are_none(scene: Scene) -> None:
    client = scene.client()
    body = urlencode(
        [("client_id", client.machine.client_id), ("redirect_uri", BACK), ("redirect_uri", BACK)]
    )
    answer = scene.stage.web.post("/oauth/par", body, Content_Type=FORM)

    assert (answer.status, answer.json["error"]) == (400, OAuthError.error)
    assert answer.json["error_description"].startswith("redirect_uri: comes more than once")


@pytest.mark.parametrize(
    "query",
    [
        {"redirect_uri": THEIR_BACK},
        {"redirect_uri": THEIR_BACK, "response_type": "code", "client_id": loopback_id(THEIR_BACK)},
        {"client_id": loopback_id(), "redirect_uri": THEIR_BACK, "error": "access_denied"},
        {"client_id": THEIR_BACK, "request_uri": THEIR_BACK},
        {
            "client_id": loopback_id(),
            "request_uri": f"{REQUEST_URI_PREFIX}req-{'0' * 32}",
        },
        {"client_id": loopback_id(), "request": "eyJhbGciOiJub25lIn0.e30."},
    ],
    ids=str,
)
def test_nobody_is_sent_on_by_a_link_alone(scene: Scene, query: dict[str, str]) -> None:
    browser = scene.browser()
    browser.open("/account")

    page = browser.open(f"/oauth/authorize?{urlencode(query)}", site="cross-site")

    assert page.leads_to is None
    assert page.status == 400
    assert THEIR_BACK not in [form.action for form in page.forms]
    assert THEIR_BACK not in page.links.values()
