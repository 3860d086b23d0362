"""Attacks by way of this server: other services called by trickery, rows and fetches by strangers.

Where documents may be fetched from: tests/network/test_client_documents.py. How many at a time:
test_apps_documents.py. How many requests may wait: tests/services/oauth/test_requests.py.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from pds.atproto.oauth.client_metadata import MAX_REDIRECT_URIS
from pds.config import Config
from pds.storage.database import rows
from tests.attack_tools import BACK, SCOPE, Scene
from tests.factories import Person, StillClock, make_config
from tests.fakes.oauth_app import OAuthApp, oauth_app
from tests.oauth_client import FORM
from tests.oauth_tools import App, let_in
from tests.proxy_stage import LIST_CONVOS, TIMELINE, ProxyStage, open_proxy_stage
from tests.stage import Stage

TABLES = (
    "oauth_request",
    "oauth_grant",
    "oauth_used_refresh_token",
    "oauth_client_approval",
    "oauth_seen",
    "browser",
    "browser_account",
    "permission_set",
)


# --- other services ------------------------------------------------------------------------------


@pytest.fixture
def proxy(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[ProxyStage]:
    del open_database
    with open_proxy_stage(tmp_path, clock) as opened:
        yield opened


def aud(reference: str) -> str:
    return quote(reference, safe=":")


@pytest.mark.parametrize(
    "other",
    [
        "{did}#atproto_labeler",
        "{did}#BSKY_CHAT",
        "{did}#bsky_chat#bsky_chat",
        "{did}#bsky_chat/",
        "{did}#bsky_chat?",
        "{did}#bsky%5Fchat",
        "{did}%23bsky_chat",
        "{did}##bsky_chat",
        "{did}",
        "{did}/#bsky_chat",
        "{did}:x#bsky_chat",
        "DID:web:localhost#bsky_chat",
        "#bsky_chat",
        "bsky_chat",
        "{app_view}#bsky_appview",
    ],
)
def test_a_service_by_a_name_like_the_allowed_one_is_not_asked(
    proxy: ProxyStage, other: str
) -> None:
    allowed = f"{proxy.stranger.did}#bsky_chat"
    app = let_in(proxy.services, proxy.alice, f"atproto rpc:{TIMELINE}?aud={aud(allowed)}")
    named = other.format(did=proxy.stranger.did, app_view=proxy.app_view.did)

    for to in (named, f"{allowed}, {named}"):
        answer = call(proxy, app, f"/xrpc/{TIMELINE}", to)
        assert answer in (400, 403), to
    assert [one.asked for one in proxy.upstreams] == [[], [], []]
    assert call(proxy, app, f"/xrpc/{TIMELINE}", allowed) == 200


@pytest.mark.parametrize(
    "path",
    [
        "CHAT.bsky.convo.listConvos",
        "chat.BSKY.convo.listConvos",
        "chat.bsky.Convo.listConvos",
        "chat%2Ebsky%2Econvo%2ElistConvos",
        "%63hat.bsky.convo.listConvos",
        f"{TIMELINE}/../{LIST_CONVOS}",
        f"{TIMELINE}%2F..%2F{LIST_CONVOS}",
        f"{TIMELINE}/%2e%2e/{LIST_CONVOS}",
        f"..%2fxrpc%2f{LIST_CONVOS}",
        f"/{LIST_CONVOS}",
        f"{LIST_CONVOS}/",
        f"{LIST_CONVOS}%00",
        f"{LIST_CONVOS}%20",
        f"{LIST_CONVOS};x",
        f"{LIST_CONVOS}%3Fx",
    ],
)
def test_messages_are_not_reached_by_another_spelling(proxy: ProxyStage, path: str) -> None:
    app = let_in(proxy.services, proxy.alice, "atproto transition:generic")

    status = call(proxy, app, f"/xrpc/{path}", f"{proxy.stranger.did}#bsky_chat")

    assert 400 <= status < 500
    assert proxy.stranger.asked == []


@pytest.mark.parametrize(
    "query",
    [
        {"lxm": LIST_CONVOS},
        {"lxm": "CHAT.bsky.convo.listConvos"},
        {"lxm": "chat.bsky.convo.*"},
        {"lxm": "com.atproto.server.getSession"},
        {"lxm": "com.atproto.identity.signPlcOperation"},
        {"lxm": "COM.atproto.server.createAppPassword"},
    ],
    ids=str,
)
def test_no_service_token_for_what_the_app_may_not(
    proxy: ProxyStage, query: dict[str, str]
) -> None:
    app = let_in(proxy.services, proxy.alice, "atproto transition:generic")
    asked = urlencode({"aud": proxy.stranger.did, **query})

    assert call(proxy, app, f"/xrpc/com.atproto.server.getServiceAuth?{asked}") in (400, 403)


def call(proxy: ProxyStage, app: App, path: str, to: str | None = None) -> int:
    headers = {} if to is None else {"atproto-proxy": to}
    return app.ask(proxy.stage.web, "GET", path, headers=headers).status


# --- strangers -----------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, oauth_test_clients="true")


@pytest.fixture
def scene(stage: Stage, clock: StillClock) -> Scene:
    return Scene(stage, clock)


@pytest.fixture
def app() -> Iterator[OAuthApp]:
    with oauth_app() as running:
        yield running


def counts() -> dict[str, int]:
    found = {table: rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}
    return {table: count for table, count in found.items() if count}


def test_strangers_leave_no_rows_but_requests(scene: Scene) -> None:
    client = scene.client()
    for _ in range(3):
        browser = scene.browser()
        page = scene.open(browser, client)
        browser.submit(page.form("/oauth/authorize/sign-in"), identifier="x", password="y")
    for token in ("ref-" + "0" * 64, "cod-" + "0" * 64, "tok-" + "0" * 32, "a.b.c"):
        client.exchange(token)
        client.refresh(token)
        client.machine.post("/oauth/revoke", {"token": token})

    assert counts() == {"oauth_request": 3}


def test_only_the_document_of_an_app_is_fetched(scene: Scene, app: OAuthApp, alice: Person) -> None:
    """No picture, no page, no keys that nothing is checked with: browsers may, this server not."""
    uris = {
        name: f"{app.server.url}/{name}"
        for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri")
    }
    app.publish(app.document(**{**uris, "client_uri": app.server.url}))
    client = scene.client(client_id=app.client_id, redirect_uri=app.redirect_uri)
    client.scope = "atproto transition:generic"

    scene.tokens(client, alice)

    assert [asked.path for asked in app.server.asked] == ["/client.json"]


def test_a_document_made_of_redirect_uris_is_refused(scene: Scene, app: OAuthApp) -> None:
    uris = [f"http://127.0.0.1/{number}" for number in range(MAX_REDIRECT_URIS + 1)]
    app.publish(app.document(redirect_uris=uris))
    client = scene.client(client_id=app.client_id, redirect_uri=uris[0])

    answer = client.push()

    assert (answer.status, answer.json["error"]) == (400, "invalid_redirect_uri")


def test_a_document_does_not_speak_for_another_app(scene: Scene, app: OAuthApp) -> None:
    """Nor does it get into the place of the other's document."""
    honest = app.document(scope="atproto")
    app.publish(honest)
    evil = {**honest, "redirect_uris": ["http://127.0.0.1:9999/stolen"]}
    app.server.text("/evil.json", json.dumps(evil), content_type="application/json")

    theirs = scene.client(client_id=f"{app.server.url}/evil.json", redirect_uri=BACK).push()
    ours = scene.client(client_id=app.client_id, redirect_uri="http://127.0.0.1:9999/stolen").push(
        scope="atproto"
    )

    assert theirs.json["error"] == "invalid_client_metadata"
    assert theirs.json["error_description"].startswith("client_id: ")
    assert ours.json["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize(
    "client_id",
    [
        "http://localhost?\nrefused: id=1 client_id=forged",
        "http://localhost\r\nrefused:",
        "x\x1b[31m",
        'x" error="none',
        "x\u2028refused:",
        "x" * 5_000,
    ],
    ids=ascii,
)
def test_no_line_is_forged_in_the_log(
    scene: Scene, client_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = scene.client(client_id=client_id)
    with caplog.at_level(logging.INFO):
        client.push()

    lines = [one.getMessage() for one in caplog.records if one.name.startswith("pds")]
    assert len(lines) >= 2
    assert all(line.isprintable() and len(line) < 2_000 for line in lines), lines
    assert not any('error="none' in line for line in lines)


def test_pages_are_not_for_other_sites_and_endpoints_know_no_cookies(scene: Scene) -> None:
    headers = {"Origin": "https://evil.example.net", "Cookie": "dev-id=x; ses-id=y"}
    web = scene.stage.web
    for path in ("/oauth/authorize", "/account", "/oauth/authorize/consent"):
        for verb in ("GET", "POST", "OPTIONS"):
            answer = web.request(verb, path, None, headers)
            assert answer.headers["Access-Control-Allow-Origin"] is None, (verb, path)
    for path in ("/oauth/par", "/oauth/token", "/oauth/revoke"):
        for verb in ("POST", "OPTIONS"):
            answer = web.request(verb, path, None, {**headers, "Content-Type": FORM})
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Access-Control-Allow-Credentials"] is None
            assert answer.headers["Set-Cookie"] is None


def test_nobody_learns_who_has_an_account(scene: Scene, alice: Person) -> None:
    """Handles are public; addresses are not, and a page says the same of both."""
    by_address = scene.client().push(login_hint=alice.email)
    assert (by_address.status, by_address.json["error"]) == (400, "invalid_request")

    texts = set()
    for name in (alice.handle, alice.email, "nobody.test", "nobody@example.com"):
        browser = scene.browser()
        form = scene.open(browser, scene.client(), scope=SCOPE).form("/oauth/authorize/sign-in")
        page = browser.submit(form, identifier=name, password="wrong")
        texts.add((page.status, page.text.replace(name, "")))
    assert len(texts) == 1
