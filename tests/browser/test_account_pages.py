"""The members' pages in a real browser, with something on each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from pds.services.devices import Device
from tests.browser.chromium import (
    Chromium,
    assert_accessible,
    assert_keyboard_reaches_everything,
    assert_no_sideways_scroll,
    in_every_look,
    screenshot,
)
from tests.factories import Person
from tests.grant_tools import make_grant
from tests.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]

PAGES = (
    "",
    "/handle",
    "/email",
    "/password",
    "/devices",
    "/apps",
    "/app-passwords",
    "/export",
    "/move",
    "/status",
    "/delete",
    "/confirm",
)
PHONE = Device(
    "Bluesky/1.105.0 CFNetwork/1568.1 Darwin/24.0.0", "2001:db8:85a3:8d3:1319:8a2e:370:7348"
)
LONG = "a-very-long-name.of-an-app.example.com/oauth/client-metadata.json"


@pytest.fixture
def furnished(stage: Stage, alice: Person) -> Person:
    """Alice, who uses apps, devices and app passwords."""
    services = stage.services
    services.sessions.login(alice.handle, alice.password, device=PHONE)
    services.app_passwords.create(alice.did, "The television in the kitchen", privileged=True)
    make_grant(services, alice)
    make_grant(services, alice, scope="atproto repo:com.example.note?action=create blob:image/*")
    scope = "atproto identity:* account:email?action=manage"
    make_grant(services, alice, client_id=f"https://{LONG}", client_name=LONG, scope=scope)
    make_grant(services, alice, client_id="http://localhost?scope=atproto", scope="atproto")
    return alice


def sign_in(page: Page, person: Person) -> None:
    page.get_by_label("Handle or e-mail address").fill(person.handle)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/account/u/{person.did}")


@pytest.fixture
def page(chromium: Chromium, site: str, furnished: Person) -> Iterator[Page]:
    """A browser in which she has signed in."""
    with chromium.open(f"{site}/account") as opened:
        sign_in(opened, furnished)
        yield opened


def assert_sound(page: Page, name: str) -> None:
    for scheme, size in in_every_look(page):
        assert_no_sideways_scroll(page)
        # axe-core cannot tell the contrast of a link that is half out of a row on telephones.
        page.evaluate("() => document.querySelectorAll('.side *').forEach((e) => e.scrollTo(0, 0))")
        assert_accessible(page)
        screenshot(page, f"{name}-{size}-{scheme}")


def test_members_pages_are_sound(page: Page) -> None:
    root = page.url
    for path in PAGES:
        page.goto(root + path)
        assert_keyboard_reaches_everything(page)
        page.reload()  # back to the top, where nothing lies over anything
        page.evaluate("() => document.querySelectorAll('details').forEach((d) => d.open = true)")
        assert_sound(page, "account" + path.replace("/", "-"))


def test_refused_form_is_sound(page: Page) -> None:
    page.goto(f"{page.url}/handle")
    page.get_by_label("Name", exact=True).fill("ab")
    page.get_by_role("button", name="Change handle", exact=True).click()

    said = page.get_by_role("alert").inner_text()
    assert said == "This name is too short: take three characters or more."
    assert_sound(page, "account-handle-refused")


def test_member_makes_an_app_password_and_deletes_it(page: Page) -> None:
    page.goto(f"{page.url}/app-passwords")
    page.get_by_label("Name").fill("phone")
    page.get_by_role("button", name="Make an app password").click()
    assert_sound(page, "account-app-password-made")

    page.get_by_role("link", name="Done").click()
    row = page.get_by_role("row").filter(has_text="phone")
    row.get_by_text("Delete").first.click()
    row.get_by_role("button", name="Delete: phone").click()

    assert page.get_by_role("row").filter(has_text="phone").count() == 0
    assert "The app password is deleted" in page.get_by_role("status").inner_text()


def test_copy_is_downloaded(page: Page) -> None:
    page.goto(f"{page.url}/export")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download a copy").click()

    assert waiting.value.suggested_filename.startswith("alice.test-")
    assert waiting.value.failure() is None


def test_pages_work_without_scripts(chromium: Chromium, site: str, furnished: Person) -> None:
    with chromium.open(f"{site}/account", scripts=False) as page:
        sign_in(page, furnished)
        page.get_by_role("link", name="Devices", exact=True).click()
        page.get_by_role("button", name="Sign out: Bluesky on an Apple device").click()

        assert page.get_by_role("status").inner_text() == "That device is signed out."


def test_wrong_password_is_sound(chromium: Chromium, site: str) -> None:
    with chromium.open(f"{site}/account/sign-in") as page:
        page.get_by_label("Handle or e-mail address").fill("nobody.test")
        page.get_by_label("Password", exact=True).fill("wrong")
        page.get_by_label("Password", exact=True).press("Enter")
        page.get_by_role("alert").wait_for()
        assert_sound(page, "account-sign-in-wrong")


def test_one_of_two_accounts_is_chosen(
    chromium: Chromium, site: str, alice: Person, bob: Person
) -> None:
    with chromium.open(f"{site}/account") as page:
        for person in (alice, bob):
            page.goto(f"{site}/account/sign-in")
            sign_in(page, person)
        page.goto(f"{site}/account?choose")
        assert_keyboard_reaches_everything(page)
        page.evaluate("() => document.activeElement.blur()")
        assert_sound(page, "account-choose")
        page.get_by_role("link", name=f"@{alice.handle}").click()
        page.wait_for_url(f"**/account/u/{alice.did}")
