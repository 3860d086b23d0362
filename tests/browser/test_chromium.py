"""The checks notice what they are for."""

from __future__ import annotations

import pytest

from tests.browser.chromium import (
    Chromium,
    assert_accessible,
    assert_keyboard_reaches_everything,
    assert_no_sideways_scroll,
)

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]


def test_pale_text_is_noticed(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/") as page:
        page.evaluate("() => { document.querySelector('h1').style.color = '#cccccc' }")
        with pytest.raises(AssertionError, match="color-contrast"):
            assert_accessible(page)


def test_field_without_a_label_is_noticed(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/account/confirm-email") as page:
        page.evaluate("() => document.querySelector('label').remove()")
        with pytest.raises(AssertionError, match="label"):
            assert_accessible(page)


def test_what_is_too_wide_is_noticed(chromium: Chromium, site: str) -> None:
    with chromium.open(site + "/", size="phone") as page:
        page.evaluate("() => { document.querySelector('h1').style.minWidth = '600px' }")
        with pytest.raises(AssertionError, match="h1"):
            assert_no_sideways_scroll(page)


@pytest.mark.parametrize(
    "damage",
    [
        "() => { document.querySelector('main button').tabIndex = -1 }",
        "() => { document.querySelector('main button').tabIndex = 1 }",
        "() => { document.querySelector('main button').style.outline = 'none' }",
    ],
)
def test_control_that_the_keyboard_misses_is_noticed(
    chromium: Chromium, site: str, damage: str
) -> None:
    with chromium.open(site + "/account/confirm-email") as page:
        page.evaluate(damage)
        with pytest.raises(AssertionError):
            assert_keyboard_reaches_everything(page)


def test_inline_code_does_not_run_and_is_noticed(chromium: Chromium, site: str) -> None:
    def add_code() -> None:
        with chromium.open(site + "/") as page:
            page.evaluate(
                """() => {
                     const script = document.createElement("script");
                     script.textContent = "document.title = 'ran'";
                     document.body.append(script);
                   }"""
            )
            titles.append(page.title())

    titles: list[str] = []
    with pytest.raises(AssertionError, match="Content Security Policy"):
        add_code()
    assert titles == ["localhost PDS"]
