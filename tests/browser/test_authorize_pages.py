"""The pages on which members answer apps, in a real browser: how they look, and that they work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from pds.atproto.oauth.scopes.permission_set import read_permission_set
from pds.atproto.syntax.nsid import Nsid
from pds.services.oauth.model import Client
from tests.authorizing import PUBLIC, TRUSTED, Asking, address, make_client, serve
from tests.browser.chromium import (
    Chromium,
    assert_accessible,
    assert_no_sideways_scroll,
    in_every_look,
    screenshot,
)
from tests.browser.test_every_page import assert_sound
from tests.factories import Person, StillClock
from tests.fakes.web_server import Asked, WebServer, web_server
from tests.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]

CALENDAR = Nsid("net.example.calendar.auth")
MUCH = (
    "atproto account:email identity:* account:repo?action=manage account:status?action=manage"
    " repo:app.bsky.feed.post repo:net.example.note?action=create blob:image/*"
    " rpc:chat.bsky.convo.getLog?aud=did:web:api.bsky.chat%23bsky_chat"
    " rpc:net.example.notes.list?aud=did:web:notes.example.net%23notes"
    " include:net.example.calendar.auth"
)
LONG = make_client(
    "a-very-long-name-of-a-host-that-goes-on-and-on.apps.example.net",
    tos_uri="https://apps.example.net/terms",
    policy_uri="https://apps.example.net/privacy",
)


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch, clock: StillClock) -> Asking:
    found = Asking(clock())
    found.clients[LONG.id] = LONG
    main = {
        "type": "permission-set",
        "title": "Your calendar",
        "detail": "Keeps your appointments, and shows them to whom you like.",
        "permissions": [
            {"type": "permission", "resource": "repo", "collection": ["net.example.calendar.day"]}
        ],
    }
    document = {"lexicon": 1, "id": str(CALENDAR), "defs": {"main": main}}
    found.sets[CALENDAR] = read_permission_set(document, CALENDAR)
    serve(monkeypatch, found)
    return found


@pytest.fixture
def start(site: str, asking: Asking) -> Callable[..., str]:
    """Where an app sends its member."""

    def ask(client: Client = LONG, scope: str = MUCH, **more: str) -> str:
        return site + address(client, asking.push(client, scope, **more))

    return ask


def sign_in(page: Page, person: Person) -> None:
    page.get_by_label("Handle or e-mail address").fill(person.handle)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_label("Stay signed in").check()
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def app() -> Iterator[WebServer]:
    """Where the app takes its answers."""
    with web_server() as server:
        server.otherwise = lambda _: (200, {"content-type": "text/html"}, b"<title>App</title>")
        yield server


def answers(app: WebServer) -> list[Asked]:
    return [asked for asked in app.asked if asked.path.startswith("/callback")]


def test_pages_on_the_way(
    chromium: Chromium, stage: Stage, start: Callable[..., str], alice: Person
) -> None:
    stage.services.accounts.deactivate(alice.did)
    with chromium.open(start()) as page:
        page.route("https://ours.example.net/**", lambda route: route.fulfill(status=204))
        assert_sound(page, "authorize-sign-in")
        page.get_by_label("Password", exact=True).fill("wrong")
        page.get_by_label("Handle or e-mail address").fill("alice.test")
        page.keyboard.press("Enter")
        page.get_by_text("e-mail address or password is wrong").wait_for()
        assert_sound(page, "authorize-sign-in-wrong")
        sign_in(page, alice)
        page.get_by_role("heading", name="Activate your account?").wait_for()
        assert_sound(page, "authorize-reactivate")
        page.get_by_role("button", name="Activate it").click()
        page.get_by_role("heading", name="Allow this app?").wait_for()
        assert_sound(page, "authorize-consent")
        for details in page.locator("details").all():
            details.evaluate("each => each.open = true")
        for scheme, size in in_every_look(page):
            assert_no_sideways_scroll(page)
            assert_accessible(page)
            screenshot(page, f"authorize-consent-details-{size}-{scheme}")
        page.goto(start(TRUSTED, "atproto"))
        assert_sound(page, "authorize-accounts")
        page.get_by_role("button", name="@alice.test").click()
        page.get_by_role("heading", name="Sign in to this app?").wait_for()
        assert_sound(page, "authorize-identity")


def test_page_without_cookies(chromium: Chromium, start: Callable[..., str]) -> None:
    """As an iPhone's window shows it that keeps none."""
    with chromium.open(start()) as page:
        page.context.set_extra_http_headers(
            {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)"}
        )
        page.context.clear_cookies()
        page.goto(start() + "&cookie-test=1")
        page.get_by_role("heading", name="Your browser keeps no cookies").wait_for()
        assert_sound(page, "authorize-no-cookies")


def test_page_of_a_failure(chromium: Chromium, site: str) -> None:
    with chromium.open(f"{site}/oauth/authorize?client_id=x&request_uri=y") as page:
        assert_sound(page, "authorize-error")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_member_reaches_the_app(
    chromium: Chromium,
    start: Callable[..., str],
    app: WebServer,
    alice: Person,
    mode: str,
    scripts: bool,
) -> None:
    back = f"{app.url}/callback"
    where = start(PUBLIC, response_mode=mode, redirect_uri=back)
    with chromium.open(where, scripts=scripts) as page:
        sign_in(page, alice)
        page.get_by_label("See your e-mail address").uncheck()
        page.get_by_role("button", name="Allow", exact=True).click()
        if mode == "form_post" and not scripts:
            page.get_by_role("button", name="Go on to the app").click()
        page.wait_for_url(f"{back}**")

        [answer] = answers(app)
        sent = {"query": answer.path, "fragment": page.url, "form_post": answer.body.decode()}
        assert "code=cod-" in sent[mode]
        assert answer.method == ("POST" if mode == "form_post" else "GET")


def test_button_is_pressed_twice(
    chromium: Chromium, start: Callable[..., str], app: WebServer, alice: Person
) -> None:
    """Without scripts nothing keeps a double click from sending a form twice."""
    back = f"{app.url}/callback"
    with chromium.open(start(PUBLIC, redirect_uri=back), scripts=False) as page:
        page.get_by_label("Handle or e-mail address").fill(alice.handle)
        page.get_by_label("Password", exact=True).fill(alice.password)
        page.get_by_role("button", name="Sign in").dblclick(no_wait_after=True)
        page.get_by_role("heading", name="Allow this app?").wait_for()
        page.get_by_role("button", name="Allow", exact=True).dblclick(no_wait_after=True)
        page.wait_for_url(f"{back}**")

        assert "code=cod-" in page.url
        assert len({answer.path for answer in answers(app)}) == 1
