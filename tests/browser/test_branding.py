"""What an operator chooses is seen, and nothing they choose makes a page unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.config import Config
from tests.browser.chromium import Chromium, assert_accessible, in_every_look, screenshot
from tests.factories import make_config
from tests.server_process import free_port

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]

KINDS = ("primary", "error", "warning", "info", "success")


@pytest.fixture(params=["#ffe680", "#00e5ff", "#0b0b0b"])
def colour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(tmp_path: Path, colour: str) -> Config:
    port = free_port()
    picture = f"http://localhost:{port}/static/icon.svg"
    return make_config(
        tmp_path,
        port=str(port),
        logo_url=picture + "?logo",
        background_light_url=picture + "?light",
        background_dark_url=picture + "?dark",
        **{f"{kind}_color": colour for kind in KINDS},
    )


@pytest.mark.parametrize("shape", ["narrow", "wide"])
def test_any_colour_and_a_picture_behind(
    chromium: Chromium, site: str, shape: str, colour: str
) -> None:
    with chromium.open(f"{site}/example?shape={shape}&error=No.") as page:
        for scheme, size in in_every_look(page):
            assert_accessible(page)
            screenshot(page, f"branding-{colour[1:]}-{shape}-{size}-{scheme}")
            behind = page.evaluate("() => getComputedStyle(document.body).backgroundImage")
            assert behind == f'url("{site}/static/icon.svg?{scheme}")'
        asked = page.evaluate("() => performance.getEntriesByType('resource').map((it) => it.name)")
        assert {f"{site}/static/icon.svg?{name}" for name in ("logo", "light", "dark")} <= set(
            asked
        )
        fill = page.evaluate(
            "() => getComputedStyle(document.querySelector('.button.primary')).backgroundColor"
        )
        parts = [str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)]
        assert fill == f"rgb({', '.join(parts)})"
