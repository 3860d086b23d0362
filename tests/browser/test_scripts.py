"""static/hearth.js helps, and nothing needs it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Chromium
from tests.factories import Person
from tests.stage import Stage, code_of

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]


def test_password_can_be_looked_at_and_is_sent_as_one(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/example") as page:
        field = page.locator("#f-password")
        field.fill("correct horse")
        page.get_by_role("button", name="Show the password").click()
        assert field.get_attribute("type") == "text"
        page.get_by_role("button", name="Hide the password").click()
        assert field.get_attribute("type") == "password"
        page.get_by_role("button", name="Show the password").click()
        page.evaluate(
            """() => {
                 const form = document.forms[0];
                 form.noValidate = true;
                 form.addEventListener("submit", (event) => event.preventDefault());
               }"""
        )
        page.get_by_role("button", name="Go on").click()
        assert field.get_attribute("type") == "password"


def test_new_password_is_told_whether_it_is_long(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/account/reset-password?code=AAAAA-AAAAA") as page:
        field, advice = page.locator("#f-password"), page.locator("#f-password-advice")
        for typed, said in (
            ("abc", "Short: easy to guess."),
            ("abcdefgh", "Longer is better; several words are easy to remember."),
            ("some words in a row", "A good length."),
            ("", ""),
        ):
            field.fill(typed)
            assert advice.text_content() == said


def test_text_is_copied(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/example") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy: Value of the TXT record").click()
        expect(page.locator("[data-copy] [role=status]")).to_have_text("Copied")
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert copied == "did=did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_text_is_marked_where_copying_is_not_allowed(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/example") as page:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()) }")
        page.get_by_role("button", name="Copy: Value of the TXT record").click()
        page.wait_for_function("() => String(getSelection()).startsWith('did=did:plc:')")


def test_second_click_does_not_send_again(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/account/confirm-email") as page:
        page.evaluate(
            """() => {
                 window.sent = 0;
                 document.forms[0].addEventListener("submit", (event) => {
                   if (!event.defaultPrevented) window.sent += 1;
                   event.preventDefault();
                 });
               }"""
        )
        page.locator("#f-code").fill("AAAAA-AAAAA")
        button = page.get_by_role("button", name="Confirm")
        button.click()
        button.click()
        assert page.evaluate("() => window.sent") == 1


def test_where_one_is_can_be_seen_in_a_long_navigation(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/example?shape=wide", size="phone") as page:
        here = page.locator(".side [aria-current]").bounding_box()
        assert here is not None
        assert here["x"] >= 0
        assert here["x"] + here["width"] <= 390
        assert page.evaluate("() => [scrollX, scrollY]") == [0, 0]


def test_form_that_leaves_is_sent_by_itself(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/example/leave") as page:
        page.wait_for_selector("text=code=cod-1")


def test_form_that_leaves_has_a_button_without_scripts(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/example/leave", scripts=False) as page:
        page.get_by_role("button", name="Go on").click()
        page.wait_for_selector("text=code=cod-1")


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_sends_the_form_and_its_first_button(
    chromium: Chromium, site: str, scripts: bool
) -> None:
    with chromium.open(site + "/example", scripts=scripts) as page:
        page.locator("#f-name").fill("alice")
        page.locator("#f-email").fill("alice@example.com")
        page.locator("#f-password").fill("secret")
        page.locator("#f-password").press("Enter")
        sent = page.locator(".notice")
        expect(sent).to_contain_text("csrf=the-token&hidden=value&identifier=alice")
        expect(sent).to_contain_text("domain=b&kind=ours")
        expect(sent).not_to_contain_text(re.compile("skip|remember"))


@pytest.mark.parametrize("scripts", [True, False])
def test_password_is_reset_in_a_browser(
    chromium: Chromium, stage: Stage, site: str, alice: Person, scripts: bool
) -> None:
    with chromium.open(site + "/account/reset-password", scripts=scripts) as page:
        page.locator("#f-email").fill(alice.email)
        page.get_by_role("button", name="Ask for a code").click()
        expect(page.locator(".notice")).to_contain_text("If there is such an account")

        page.goto(f"{site}/account/reset-password?code={code_of(alice, 'reset_password')}")
        page.locator("#f-password").fill("new words in a row")
        page.locator("#f-password").press("Enter")
        expect(page.locator("h1")).to_have_text("Your new password is set")

    assert stage.may_log_in(alice, "new words in a row")
