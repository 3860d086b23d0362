"""Attacks by other sites and by what others have written, as a real browser sees them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, quote

import pytest
from playwright.sync_api import Error, Frame, Page, expect

from pds.atproto.oauth.scopes.permission_set import read_permission_set
from pds.atproto.syntax.nsid import Nsid
from pds.services.devices import seen_device
from pds.services.oauth.model import Client
from tests.authorizing import Asking, address, make_client
from tests.browser.chromium import Chromium
from tests.browser.test_account_pages import sign_in
from tests.browser.test_authorize_pages import sign_in as sign_in_to_app
from tests.factories import Person
from tests.fakes.web_server import WebServer, web_server
from tests.grant_tools import make_grant
from tests.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]

MARKUP = "{{7*7}}\"'><img src=x onerror=pwned=1></title></script><script>pwned=1</script>"
TURNED = "\u202egnihton od\u202c \u2066x\u2069"
NASTY = f"{MARKUP}{TURNED}"
CALENDAR = Nsid("net.example.calendar.auth")


@pytest.fixture
def evil() -> Iterator[WebServer]:
    """Another site; what it is asked for is kept."""
    with web_server() as server:
        server.otherwise = lambda _: (200, {"content-type": "text/html"}, b"<title>Evil</title>")
        yield server


@pytest.fixture
def page(chromium: Chromium, site: str, alice: Person) -> Iterator[Page]:
    with chromium.open(f"{site}/account") as opened:
        sign_in(opened, alice)
        yield opened


def show(page: Page, evil: WebServer, html: str) -> Page:
    """A page of the other site in another window, whose complaints are no news."""
    evil.text("/attack", html, content_type="text/html")
    other = page.context.new_page()
    other.goto(f"{evil.url}/attack")
    return other


def test_no_page_is_shown_in_a_frame(
    page: Page, site: str, evil: WebServer, asking: Asking, stage: Stage
) -> None:
    client = make_client()
    asking.clients[client.id] = client
    paths = (
        "/",
        "/account",
        "/account/sign-in",
        "/account/sign-up",
        "/account/reset-password",
        page.url.removeprefix(site) + "/status",
        address(client, asking.push(client)),
        "/oauth/authorize?client_id=x",
        "/no-such-page",
        "/example/bug",
    )
    frames = "".join(
        f'<iframe src="{site}{path.replace("&", "&amp;")}"></iframe>' for path in paths
    )

    other = show(page, evil, frames + f'<object data="{site}/account"></object>')

    other.wait_for_load_state()
    shown = [frame for frame in other.frames if frame != other.main_frame]
    assert len(shown) >= len(paths)
    assert [frame.url for frame in shown if _shows_something(frame)] == []


def _shows_something(frame: Frame) -> bool:
    try:
        if frame.locator("form").count():
            return True
        return not frame.url.startswith("chrome-error:") and bool(frame.locator("main").count())
    except Error:
        if frame.is_detached():  # an object that is refused takes its frame away
            return False
        raise


def test_forms_of_another_site_do_nothing(
    page: Page, site: str, evil: WebServer, stage: Stage, alice: Person
) -> None:
    root = page.url
    for path in ("/account/sign-out", f"{root.removeprefix(site)}/status/deactivate"):
        for method, kind in (
            ("post", "application/x-www-form-urlencoded"),
            ("post", "multipart/form-data"),
            ("post", "text/plain"),
            ("get", "application/x-www-form-urlencoded"),
        ):
            other = show(
                page,
                evil,
                f'<form method="{method}" action="{site}{path}" enctype="{kind}">'
                f'<input name="did" value="{alice.did}"><input name="csrf" value="x">'
                "<button>Win</button></form>",
            )
            other.get_by_role("button").click()
            other.wait_for_url(f"{site}/**")
            other.close()
    other = show(page, evil, "")
    other.evaluate(
        """async (address) => {
             const sent = { method: "POST", credentials: "include" };
             for (const mode of ["no-cors", "cors"])
               await fetch(address, { ...sent, mode }).catch(() => 0);
           }""",
        f"{site}/account/sign-out",
    )
    show(page, evil, f'<img src="{root}"><script src="{root}"></script>').wait_for_load_state()

    page.goto(root)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    assert alice.row.is_active


def test_another_site_keeps_no_hold_of_a_window(page: Page, site: str, evil: WebServer) -> None:
    """A page that opened ours could send it elsewhere while the member looks away."""
    other = show(page, evil, "<p>Look here")
    with page.context.expect_page() as waiting:
        other.evaluate(f"() => {{ window.ours = open('{site}/account/reset-password') }}")
    opened = waiting.value
    expect(opened.get_by_role("heading", level=1)).to_have_text("Forgotten your password?")

    assert opened.evaluate("() => window.opener") is None
    other.wait_for_function("() => window.ours.closed")


def test_way_back_after_signing_out_shows_nothing(
    chromium: Chromium, site: str, alice: Person
) -> None:
    """Browsers hold pages ready for it, also those that are not to be kept."""
    with chromium.keeping_pages() as keeping, keeping.open(f"{site}/account") as page:
        sign_in(page, alice)
        page.evaluate("() => { window.is_kept = true }")
        page.goto(f"{page.url}/email")
        page.evaluate("() => history.back()")
        page.wait_for_function("() => window.is_kept")  # it does
        page.goto(f"{page.url}/email")
        expect(page.locator("main")).to_contain_text(alice.email)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/account/sign-in")
        page.evaluate("() => { window.is_here = true }")

        page.evaluate("() => history.back()")

        page.wait_for_function("() => !window.is_here")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert alice.email not in page.content()
        assert {cookie["name"] for cookie in page.context.cookies()} == {"dev-id"}


def test_address_with_a_code_is_told_to_nobody(
    chromium: Chromium, site: str, evil: WebServer
) -> None:
    with chromium.open(f"{site}/account/reset-password?code=ABCDE-FGHIJ") as page:
        page.evaluate(
            """(address) => {
                 const link = document.createElement("a");
                 link.href = address;
                 link.textContent = "the operator's own site";
                 document.querySelector("main").append(link);
               }""",
            f"{evil.url}/elsewhere",
        )
        page.get_by_role("link", name="the operator's own site").click()
        page.wait_for_url(f"{evil.url}/**")

    asked = next(asked for asked in evil.asked if asked.path == "/elsewhere")
    assert "referer" not in {name.lower() for name in asked.headers}


# --- what others have written --------------------------------------------------------------------


def assert_only_text(page: Page) -> None:
    """Nothing of it became part of the page, and nothing turns the direction of the rest."""
    assert page.evaluate("() => window.pwned") is None
    assert page.locator("script:not([src^='/static/'])").count() == 0
    assert page.locator("[onerror]").count() == 0
    text = page.locator("body").inner_text()
    assert "{{7*7}}" in text
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.fixture
def nasty(asking: Asking) -> Client:
    """A client whose every word is an attack, as far as its document may hold them."""
    day = {"type": "permission", "resource": "repo", "collection": ["net.example.calendar.day"]}
    main = {"type": "permission-set", "title": NASTY, "detail": NASTY, "permissions": [day]}
    document = {"lexicon": 1, "id": str(CALENDAR), "defs": {"main": main}}
    asking.sets[CALENDAR] = read_permission_set(document, CALENDAR)
    client = make_client(
        "xn--pple-43d.example.net",
        is_trusted=True,
        client_name=NASTY,
        tos_uri="https://evil.example/?\"'><script>pwned=1</script>",
    )
    asking.clients[client.id] = client
    return client


def test_words_of_others_are_only_text(
    chromium: Chromium, site: str, stage: Stage, asking: Asking, nasty: Client, alice: Person
) -> None:
    services = stage.services
    profile = {"$type": "app.bsky.actor.profile", "displayName": NASTY[:64]}
    written = {"repo": alice.did, "collection": "app.bsky.actor.profile", "rkey": "self"}
    stage.ok("com.atproto.repo.putRecord", {**written, "record": profile}, by=alice)
    services.sessions.login(alice.handle, alice.password, device=seen_device(NASTY, NASTY))
    services.app_passwords.create(alice.did, MARKUP, privileged=False)
    make_grant(services, alice, client_id=nasty.id, client_name=nasty.name)
    request = asking.push(nasty, f"atproto include:{CALENDAR}", state=NASTY)
    with chromium.open(site + address(nasty, request)) as page:
        sign_in_to_app(page, alice)
        page.get_by_role("heading", name="Allow this app?").wait_for()
        assert_only_text(page)
        for path in ("devices", "apps", "app-passwords"):
            page.goto(f"{site}/account/u/{alice.did}/{path}")
            assert_only_text(page)


def test_answer_by_a_form_carries_only_text(
    chromium: Chromium,
    site: str,
    evil: WebServer,
    asking: Asking,
    alice: Person,
) -> None:
    back = f"{evil.url}/callback?a=\"'><b>"
    client = make_client("other.example.net", auth_method="none")
    asking.clients[client.id] = client
    request = asking.push(
        client, "atproto", state=NASTY, response_mode="form_post", redirect_uri=back
    )
    with chromium.open(site + address(client, request), scripts=False) as page:
        sign_in_to_app(page, alice)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Go on to the app").wait_for()
        assert page.locator("b").count() == 0
        assert page.locator("script:not([src^='/static/'])").count() == 0
        page.get_by_role("button", name="Go on to the app").click()
        page.wait_for_url(f"{evil.url}/**")

    [sent] = [asked for asked in evil.asked if asked.method == "POST"]
    assert NASTY in parse_qs(sent.body.decode())["state"]
    assert "referer" not in {name.lower() for name in sent.headers}


@pytest.mark.parametrize(
    "path",
    [
        "/account/sign-up?name=carol&invite_code={0}&email={0}&client_id={0}&request_uri={0}",
        "/account/sign-up?name={0}&domain={0}&client_id={0}&request_uri={0}",
        "/account/reset-password?code={0}",
        "/account/confirm-email?code={0}",
        "/account/sign-in?identifier={0}&error={0}&notice={0}&next={0}",
        "/oauth/authorize?client_id={0}&request_uri={0}&error={0}",
        "/oauth/authorize/sign-in?client_id={0}&request_uri={0}&did={0}",
        "/account/u/{0}/email?done={0}",
        "/{0}",
    ],
)
def test_words_in_an_address_are_only_text(chromium: Chromium, site: str, path: str) -> None:
    with chromium.open(site + path.format(quote(NASTY, safe=""))) as page:
        assert page.evaluate("() => window.pwned") is None
        assert page.locator("[onerror]").count() == 0
        assert page.locator("script:not([src^='/static/'])").count() == 0
        assert page.locator("main").count() == 1
