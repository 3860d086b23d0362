"""A real Chromium, driven by Playwright: found, started once, shown pages, asked what it sees.

``HEARTH_CHROMIUM`` names the program if it is none of the usual; ``HEARTH_SCREENSHOTS`` a folder
for pictures of what the tests look at.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.interop.npm import require_packages

HERE = Path(__file__).resolve().parent
AXE = HERE / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome")

SCHEMES = ("light", "dark")
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
NARROWEST = (320, 640)  # WCAG 2.2, 1.4.10: the same page at four times its size on a desk
PATIENCE_MS = 10_000

# Failures of these are what keeps people out; the rest of what axe-core says is advice.
GRAVE = ("serious", "critical")


class Chromium:
    """One browser for many tests; every page it opens has cookies of its own."""

    def __init__(self, browser: Browser, launch: Callable[..., Browser]) -> None:
        self._browser = browser
        self._launch = launch

    @contextmanager
    def keeping_pages(self) -> Iterator[Chromium]:
        """Another one, which holds pages ready for the way back, as people's browsers do.

        Playwright switches that off, and cannot tell when it has gone back.
        """
        browser = self._launch(ignore_default_args=["--disable-back-forward-cache"])
        try:
            yield Chromium(browser, self._launch)
        finally:
            browser.close()

    @contextmanager
    def open(
        self, url: str, *, scheme: str = "light", size: str = "desk", scripts: bool = True
    ) -> Iterator[Page]:
        """A page of a new visitor. At the end, whatever it complained about fails the test.

        scheme: of SCHEMES. size: of SIZES. scripts: whether the browser runs them.
        """
        width, height = SIZES[size]
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
            locale="en-GB",
        )
        try:
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            complaints = watch(page)
            page.goto(url)
            yield page
            assert complaints == [], f"the browser complained: {complaints}"
        finally:
            context.close()


def watch(page: Page) -> list[str]:
    """Everything the page complains about from now on: scripts that fail, policies it breaks."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Pages that say 404 or 400 are looked at as well.
        if message.type in ("error", "warning") and "the server responded with" not in message.text:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@contextmanager
def started() -> Iterator[Chromium]:
    """The browser, or a skipped test that says what is missing."""
    named = os.environ.get("HEARTH_CHROMIUM")
    program = named or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on PATH; on Debian: apt-get install chromium")
    require_packages(HERE)
    with sync_playwright() as playwright:
        try:
            launch = functools.partial(
                playwright.chromium.launch,
                executable_path=program,
                # Root may not use the sandbox; the only pages it opens are ours.
                args=["--no-sandbox", "--disable-dev-shm-usage"],
                timeout=60_000,
            )
            browser = launch()
        except PlaywrightError as error:
            pytest.skip(f"{program} does not start: {str(error)[:300]}")
        try:
            yield Chromium(browser, launch)
        finally:
            browser.close()


def in_every_look(page: Page) -> Iterator[tuple[str, str]]:
    """The page in each scheme and size in turn; yields their names.

    Each of them once, or all four pairs while pictures are taken, or with HEARTH_EVERY_LOOK=1.
    """
    all_pairs = bool(os.environ.get("HEARTH_SCREENSHOTS") or os.environ.get("HEARTH_EVERY_LOOK"))
    for place, (size, (width, height)) in enumerate(SIZES.items()):
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES if all_pairs else SCHEMES[place : place + 1]:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            yield scheme, size


def assert_accessible(page: Page) -> None:
    """No grave violation of what axe-core knows, contrasts among them."""
    audited = audit(page)
    grave = [
        f"{found['id']} ({found['impact']}): {node['html'][:200]} {node['failureSummary']}"
        for found in audited["violations"]
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]
    assert grave == [], "\n".join(grave)
    assert contrast_is_checked(audited)


def audit(page: Page) -> Any:
    """What axe-core finds in the page as it is."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    # Of the rules that pass only the names are wanted, which saves most of the time.
    return page.evaluate("() => axe.run({ resultTypes: ['violations', 'incomplete'] })")


def contrast_is_checked(found: Any) -> bool:
    """Whether the rule about contrasts ran and could tell about every text."""
    passed = any(
        rule["id"] == "color-contrast" for rule in (*found["passes"], *found["violations"])
    )
    unsure = [rule for rule in found["incomplete"] if rule["id"] == "color-contrast"]
    return passed and not unsure


def assert_fits_the_narrowest(page: Page) -> None:
    """Nothing is wider than the narrowest window that counts."""
    width, height = NARROWEST
    page.set_viewport_size({"width": width, "height": height})
    assert_no_sideways_scroll(page)


def assert_no_sideways_scroll(page: Page) -> None:
    """Nothing is wider than the window."""
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
             .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
             .map((each) => each.outerHTML.slice(0, 120))"""
    )
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), wide


def assert_keyboard_reaches_everything(page: Page) -> None:
    """Tab stops at every control in the order of the page, and each stop can be seen."""
    controls = page.evaluate(_NUMBER_THE_CONTROLS)
    reached = []
    for _ in range(controls):
        page.keyboard.press("Tab")
        reached.append(_stop(page))
    assert [number for number, _, _ in reached] == list(range(controls)), reached
    assert [html for _, can_be_seen, html in reached if not can_be_seen] == []


def _stop(page: Page) -> list[Any]:
    """Where the focus is; on a busy machine its outline may be drawn a moment later."""
    found: list[Any] = page.evaluate(_WHERE_THE_FOCUS_IS)
    for _ in range(20):
        if found[1]:
            break
        page.wait_for_timeout(50)
        found = page.evaluate(_WHERE_THE_FOCUS_IS)
    return found


# Radio buttons of one name are one stop.
_NUMBER_THE_CONTROLS = """() => {
  const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  const names = new Set();
  let stops = 0;
  for (const each of document.querySelectorAll(kinds)) {
    if (!each.checkVisibility() || each.disabled || names.has(each.name)) continue;
    if (each.type === "radio") names.add(each.name);
    each.dataset.stop = stops;
    stops += 1;
  }
  document.body.tabIndex = -1; // so that Tab starts at the beginning
  document.body.focus();
  document.body.removeAttribute("tabindex");
  return stops;
}"""

_WHERE_THE_FOCUS_IS = """() => {
  const now = document.activeElement;
  const style = getComputedStyle(now);
  const box = now.getBoundingClientRect();
  const hasOutline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const isInside = box.width > 0 && box.right > 0 && box.left < innerWidth;
  const stop = now.type === "radio"
    ? document.querySelector(`[name="${now.name}"][data-stop]`) : now;
  return [Number(stop.dataset.stop), hasOutline && isInside, now.outerHTML.slice(0, 120)];
}"""


def screenshot(page: Page, name: str) -> None:
    """A picture of the whole page, if a folder for pictures is named."""
    folder = os.environ.get("HEARTH_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
