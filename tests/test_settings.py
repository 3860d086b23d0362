"""How settings of pages are read: nothing that could change a style sheet or a policy gets in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.config import ConfigError
from pds.settings import colour, picture_url
from tests.factories import make_config


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("#067df7", "#067df7"),
        ("#FFF", "#ffffff"),
        ("#a1b", "#aa11bb"),
        ("rgb(1, 2, 255)", "#0102ff"),
        ("RGB(10 20 30)", "#0a141e"),
        ("rgb( 0,0,0 )", "#000000"),
    ],
)
def test_colour(raw: str, value: str) -> None:
    assert colour(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        *("", "#12", "#12345", "#1234567", "#ggg", "teal", "rgb(1,2)", "rgb(256,0,0)", "rgb(1,2,3"),
        *("hsl(10deg 5% 5%)", "#12345678", "rgba(1,2,3,.5)", "url(x)", "var(--x)", "#fff}"),
        *("red;background:url(//x)", "#fff;} * {display:none", "#fff\n", "#ｆff", "rgb(１,2,3)"),
    ],
)
def test_what_is_no_colour_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"is not a colour; write it like #b4481e"):
        colour(raw)


@pytest.mark.parametrize(
    "raw", ["https://example.com/a.svg", "http://localhost:2583/a?b=c;d", "https://x.y/é%22.png"]
)
def test_picture(raw: str) -> None:
    assert picture_url(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        *('https://a.b/"', "https://a.b/'", "https://a.b/)", "https://a.b/\\", "https://a.b/<x>"),
        *("https://a;script-src.b/", "https://a,b/", "https://[::1]/x", "https://*/", "ftp://a.b/"),
        *("https://a.b/ x", "https://a.b/\nx", "//a.b/x", "data:image/png;base64,AA"),
    ],
)
def test_picture_that_could_change_a_policy_or_a_style_sheet_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"; write it like https://example.com"):
        picture_url(raw)


def test_wrong_colour_and_picture_are_named_at_start(tmp_path: Path) -> None:
    picture = "https://example.com/(1).png"
    with pytest.raises(ConfigError) as caught:
        make_config(tmp_path, primary_color="hotpink", background_dark_url=picture)

    assert caught.value.problems == [
        'PDS_PRIMARY_COLOR: "hotpink" is not a colour; write it like #b4481e or rgb(180, 72, 30)',
        f'PDS_BACKGROUND_DARK_URL: "{picture}" has a character that is special on web pages; '
        "write it like https://example.com/picture.svg, others as %22 and so on",
    ]
