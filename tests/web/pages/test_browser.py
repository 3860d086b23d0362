"""Cookies as they go over the wire, and forms that are not the browser's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Blueprint, Response, request

from pds.config import Config
from pds.services import build_services
from pds.storage.database import rows
from pds.web.pages import browser as browsers
from tests.browser_tools import ORIGIN, Page, TestBrowser
from tests.factories import Person, StillClock, make_config
from tests.web.harness import Running, running

if TYPE_CHECKING:
    from pds.services import Services

FORM = '<form method="post" action="/test"><input name="csrf" value="{}"><button>Go</button></form>'


def page_of_tests(services: Services) -> Blueprint:
    """A form; sending it signs in the account ``?who=``, or signs it out with ``?out=``."""
    routes = Blueprint("test", __name__)

    @routes.get("/test")
    def show() -> Response:
        found = browsers.current(services)
        assert browsers.current(services) is found
        names = [one.account.did for one in services.browsers.accounts(found)]
        body = f"<h1>{' '.join(names) or 'nobody'}</h1>" + FORM.format(browsers.csrf_token(found))
        return Response(body, content_type="text/html")

    @routes.post("/test")
    def act() -> Response:
        found = browsers.current(services)
        browsers.check_form(services, found)
        response = Response("", 303, {"Location": "/test"})
        if "who" in request.args:
            account_id = int(request.args["who"])
            return browsers.keep(
                response, services.browsers.sign_in(found, account_id, remember=True)
            )
        if "out" in request.args:
            left = services.browsers.sign_out(found, request.args["out"])
            return browsers.keep_signed_out(response, left)
        return response

    return routes


@pytest.fixture
def web(services: Services) -> Iterator[Running]:
    with running(services, {}, page=page_of_tests(services)) as opened:
        yield opened


@pytest.fixture
def browser(web: Running, services: Services) -> TestBrowser:
    return TestBrowser(web, origin=services.config.public_url)


def sign_in(browser: TestBrowser, person: Person) -> Page:
    form = browser.open("/test").form()
    form.action = f"/test?who={person.row.id}"
    return browser.submit(form)


def test_stranger_gets_one_cookie_and_no_row(browser: TestBrowser) -> None:
    page = browser.open("/test")

    assert page.heading == "nobody"
    assert set(browser.cookies) == {"dev-id"}
    assert rows("SELECT * FROM browser") == []
    assert browser.open("/test").headers["Set-Cookie"] is None


def test_cookies_are_for_this_site_alone(browser: TestBrowser, alice: Person) -> None:
    page = sign_in(browser, alice)

    assert page.heading == alice.did
    assert set(browser.cookies) == {"dev-id", "ses-id"}
    for said in browser.attributes.values():
        parts = {part.strip() for part in said.split(";")} - {""}
        assert {part for part in parts if not part.startswith("Expires=")} == {
            "HttpOnly",
            "Max-Age=315532800",
            "Path=/",
            "SameSite=Lax",
        }


@pytest.fixture
def secured(tmp_path: Path, open_database: Path) -> Iterator[TestBrowser]:
    """A browser at a server over HTTPS, as its proxy passes requests on."""
    config = make_config(tmp_path, hostname="pds.example.com")
    services = build_services(config, StillClock())
    with running(services, {}, page=page_of_tests(services)) as web:
        yield TestBrowser(web, origin=config.public_url)
    services.close()


def test_cookies_are_kept_from_plain_http_and_from_neighbours(
    secured: TestBrowser, alice: Person
) -> None:
    assert sign_in(secured, alice).heading == alice.did
    assert set(secured.cookies) == {"__Host-dev-id", "__Host-ses-id"}
    for said in secured.attributes.values():
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(said.split("; "))
        assert "Domain" not in said


def test_cookies_that_a_neighbour_has_planted_are_nobodys(
    secured: TestBrowser, bob: Person
) -> None:
    """Any host of the domain can set cookies for all of it, but not with this prefix."""
    sign_in(secured, bob)
    theirs = {name.removeprefix("__Host-"): value for name, value in secured.cookies.items()}

    secured.cookies = dict(theirs)
    assert secured.open("/test").heading == "nobody"
    assert secured.cookies["__Host-dev-id"] != theirs["dev-id"]


def test_secret_goes_with_the_last_who_signs_out(
    browser: TestBrowser, alice: Person, bob: Person
) -> None:
    sign_in(browser, alice)
    sign_in(browser, bob)
    for person, is_left in ((alice, True), (bob, False)):
        form = browser.open("/test").form()
        form.action = f"/test?out={person.did}"
        browser.submit(form)

        assert ("ses-id" in browser.cookies) is is_left
    assert "dev-id" in browser.cookies


def test_new_secret_reaches_the_browser(
    browser: TestBrowser, alice: Person, clock: StillClock
) -> None:
    sign_in(browser, alice)
    before = dict(browser.cookies)
    clock.advance(6 * 60)

    assert browser.open("/test").heading == alice.did
    assert browser.cookies["dev-id"] == before["dev-id"]
    assert browser.cookies["ses-id"] != before["ses-id"]
    assert browser.open("/test").heading == alice.did


def test_stolen_secret_signs_everybody_out(
    web: Running, browser: TestBrowser, alice: Person, clock: StillClock
) -> None:
    sign_in(browser, alice)
    thief = TestBrowser(web, ip="192.0.2.66")
    thief.cookies = dict(browser.cookies)
    clock.advance(6 * 60)
    browser.open("/test")
    browser.open("/test")
    clock.advance(6)

    assert thief.open("/test").heading == "nobody"
    assert browser.open("/test").heading == "nobody"
    assert rows("SELECT * FROM browser") == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": None},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": None, "Sec-Fetch-Mode": None, "Sec-Fetch-Dest": None},
    ],
)
def test_own_form_is_taken(browser: TestBrowser, headers: dict[str, str | None]) -> None:
    form = browser.open("/test").form()

    assert browser.submit(form, headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ORIGIN + "/"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_form_from_another_site_is_refused(
    browser: TestBrowser, headers: dict[str, str | None]
) -> None:
    form = browser.open("/test").form()

    assert browser.submit(form, headers=headers).status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", None])
def test_form_of_another_site_takes_no_cookies_away(
    browser: TestBrowser, alice: Person, origin: str | None
) -> None:
    """Browsers send it without the cookies, which the answer must not replace."""
    sign_in(browser, alice)
    form = browser.open("/test").form()
    browser.is_old = origin is None

    answer = browser.submit(form, headers={"Origin": origin, "Cookie": None})

    assert answer.status == 403
    assert answer.headers["Set-Cookie"] is None
    assert browser.open("/test").heading == alice.did


@pytest.mark.parametrize("token", ["", "wrong", "ü", "0" * 64])
def test_form_with_a_wrong_token_is_refused(browser: TestBrowser, token: str) -> None:
    form = browser.open("/test").form()

    page = browser.submit(form, csrf=token)

    assert page.status == 403
    assert "reload the page" in page.html


def test_form_without_a_token_is_refused(browser: TestBrowser) -> None:
    form = browser.open("/test").form()
    form.fields.clear()

    assert browser.submit(form).status == 403


def test_form_of_another_browser_is_refused(web: Running, browser: TestBrowser) -> None:
    form = browser.open("/test").form()
    other = TestBrowser(web)
    other.open("/test")

    assert other.submit(form).status == 403


def test_form_from_before_the_sign_in_is_refused(browser: TestBrowser, alice: Person) -> None:
    form = browser.open("/test").form()
    sign_in(browser, alice)

    assert browser.submit(form).status == 403


def test_form_survives_a_restart(
    config: Config, services: Services, browser: TestBrowser, clock: StillClock
) -> None:
    form = browser.open("/test").form()
    restarted = build_services(config, clock)
    with running(restarted, {}, page=page_of_tests(restarted)) as web:
        again = TestBrowser(web)
        again.cookies = dict(browser.cookies)

        assert again.submit(form).status == 200
    restarted.close()
