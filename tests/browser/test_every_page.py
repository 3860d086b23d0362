"""Every page in a real browser: light and dark, on a desk and on a telephone, by keyboard."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import (
    Chromium,
    assert_accessible,
    assert_fits_the_narrowest,
    assert_keyboard_reaches_everything,
    assert_no_sideways_scroll,
    in_every_look,
    screenshot,
)

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]


@dataclass(frozen=True)
class Shown:
    """A page: its name, and where it is."""

    name: str
    path: str


FOR_EVERYBODY = (
    Shown("home", "/"),
    Shown("reset-password", "/account/reset-password"),
    Shown("reset-password-code", "/account/reset-password?code=ABCDE-FGHIJ"),
    Shown("reset-password-done", "/account/reset-password?done=1"),
    Shown("confirm-email", "/account/confirm-email"),
    Shown("account-sign-in", "/account/sign-in"),
    Shown("account-deleted", "/account/deleted"),
    Shown("sign-up", "/account/sign-up"),
    Shown("sign-up-wrong", "/account/sign-up?name=c_"),
    Shown("sign-up-rest", "/account/sign-up?name=carol&client_id=a&request_uri=b"),
    Shown("not-found", "/there-is-no-such-page"),
    Shown("failure", "/example/bug"),
    Shown("example-narrow", "/example?shape=narrow&error=This+code+is+wrong."),
    Shown("example-middle", "/example?shape=middle&notice=It+is+done."),
    Shown("example-wide", "/example?shape=wide&advice=Look+at+your+mail."),
)


def assert_sound(page: Page, name: str) -> None:
    """Everything that is demanded of a page; pictures of it on the way."""
    assert_keyboard_reaches_everything(page)
    page.evaluate("() => document.activeElement.blur()")
    assert_fits_the_narrowest(page)
    for scheme, size in in_every_look(page):
        assert_no_sideways_scroll(page)
        assert_accessible(page)
        screenshot(page, f"{name}-{size}-{scheme}")


@pytest.mark.parametrize("shown", FOR_EVERYBODY, ids=lambda shown: shown.name)
def test_page_that_everybody_may_open(chromium: Chromium, site: str, shown: Shown) -> None:
    with chromium.open(site + shown.path) as page:
        assert_sound(page, shown.name)
