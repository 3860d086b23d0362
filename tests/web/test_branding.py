from __future__ import annotations

import re
from pathlib import Path

import pytest

from pds.config import Config
from pds.web import branding
from pds.web.contrast import TEXT_RATIO, ratio
from pds.web.static_files import FOLDER
from tests.factories import make_config

KINDS = ("primary", "error", "warning", "info", "success")
PALE_AND_BRIGHT = ("#ffe680", "#00ffcc", "#101010", "#ffffff", "#7f7f7f")


def variables(sheet: str) -> tuple[dict[str, str], dict[str, str]]:
    light, _, dark = sheet.partition("@media (prefers-color-scheme: dark)")
    found = [dict(re.findall(r"(--[a-z-]+): ([^;]+);", part)) for part in (light, dark)]
    return found[0], found[1]


def grounds() -> tuple[dict[str, str], dict[str, str]]:
    """The neutral colours of the style sheet in both schemes."""
    sheet = (FOLDER / "hearth.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2]
    return (
        dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6});", light)),
        dict(re.findall(r"(--[a-z]+): (#[0-9a-f]{6});", dark)),
    )


def config_of(tmp_path: Path, colour: str) -> Config:
    return make_config(tmp_path, **{f"{kind}_color": colour for kind in KINDS})


@pytest.mark.parametrize("colour", PALE_AND_BRIGHT)
def test_every_use_of_a_chosen_colour_can_be_read(tmp_path: Path, colour: str) -> None:
    light, dark = variables(branding.stylesheet(config_of(tmp_path, colour)))

    for kind in KINDS:
        assert light[f"--{kind}"] == colour
        assert ratio(light[f"--{kind}-contrast"], colour) >= TEXT_RATIO
        for scheme, neutral in zip((light, dark), grounds(), strict=True):
            for ground in ("--page", "--surface", "--sunken"):
                assert ratio(scheme[f"--{kind}-text"], neutral[ground]) >= TEXT_RATIO


def test_every_colour_is_the_one_that_was_chosen(tmp_path: Path) -> None:
    chosen = {kind: f"#{number}0{number}0{number}0" for number, kind in enumerate(KINDS, 1)}
    config = make_config(tmp_path, **{f"{kind}_color": chosen[kind] for kind in KINDS})

    light, _ = variables(branding.stylesheet(config))

    assert {kind: light[f"--{kind}"] for kind in KINDS} == chosen


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize("ink", ["--ink", "--faint"])
@pytest.mark.parametrize("ground", ["--page", "--surface", "--sunken"])
def test_plain_text_can_be_read_on_every_ground(scheme: int, ink: str, ground: str) -> None:
    neutral = grounds()[scheme]

    assert ratio(neutral[ink], neutral[ground]) >= TEXT_RATIO


@pytest.mark.parametrize("scheme", [0, 1])
def test_edges_of_fields_can_be_seen(scheme: int) -> None:
    neutral = grounds()[scheme]

    assert ratio(neutral["--edge"], neutral["--surface"]) >= 3


def test_first_letters_can_be_read_on_every_shade() -> None:
    shades = re.findall(
        r"\.shade-\d \{\s+background: (#[0-9a-f]{6})", (FOLDER / "hearth.css").read_text()
    )

    assert len(shades) == 6
    assert all(ratio(shade, "#ffffff") >= TEXT_RATIO for shade in shades)


def test_grounds_are_those_that_shades_are_computed_for() -> None:
    light, dark = grounds()

    assert (light["--sunken"], dark["--sunken"]) == (branding.LIGHT_GROUND, branding.DARK_GROUND)


def test_pictures_behind_pages(tmp_path: Path) -> None:
    light_one, dark_one = "https://example.com/l.png", "https://example.com/d.png"
    none = variables(branding.stylesheet(make_config(tmp_path)))
    one = variables(branding.stylesheet(make_config(tmp_path, background_light_url=light_one)))
    both = make_config(tmp_path, background_light_url=light_one, background_dark_url=dark_one)

    assert all("--picture" not in scheme for scheme in none)
    assert [scheme["--picture"] for scheme in one] == [f'url("{light_one}")'] * 2
    assert variables(branding.stylesheet(both))[1]["--picture"] == f'url("{dark_one}")'
    assert branding.pictures(both) == (light_one, dark_one)


def test_sheet_holds_variables_and_nothing_else(tmp_path: Path) -> None:
    sheet = branding.stylesheet(make_config(tmp_path, background_light_url="https://a.b/c;d{e}"))

    rest = re.sub(r'--[a-z-]+: (?:#[0-9a-f]{6}|url\("[^"]*"\)|var\(--page\)); ?', "", sheet)
    assert rest.split() == (
        [
            ":root",
            "{",
            "}",
            "@media",
            "(prefers-color-scheme:",
            "dark)",
            "{",
            ":root",
            "{",
            "}",
            "}",
        ]
    )


@pytest.mark.parametrize("sheet", sorted(FOLDER.glob("*.css")), ids=lambda file: file.name)
def test_style_sheets_use_only_variables_that_exist(sheet: Path, tmp_path: Path) -> None:
    text = sheet.read_text()
    picture = make_config(tmp_path, background_light_url="https://a.b/c")
    given = {name for scheme in variables(branding.stylesheet(picture)) for name in scheme}
    own = set(re.findall(r"(--[a-z0-9-]+):", text))

    assert set(re.findall(r"var\((--[a-z0-9-]+)", text)) - given - own == set()
