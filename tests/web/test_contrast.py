from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.web.contrast import BLACK, WHITE, black_or_white, luminance, ratio, readable

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("colour", "expected"),
    [(BLACK, 0.0), (WHITE, 1.0), ("#ff0000", 0.2126), ("#00ff00", 0.7152), ("#0000ff", 0.0722)],
)
def test_luminance_of_known_colours(colour: str, expected: float) -> None:
    assert luminance(colour) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (BLACK, WHITE, 21.0),
        (WHITE, WHITE, 1.0),
        ("#767676", WHITE, 4.54),  # the palest grey that passes AA on white
        ("#777777", WHITE, 4.48),  # the first that does not
        ("#949494", WHITE, 3.03),
        ("#ff0000", WHITE, 4.00),
        ("#0000ff", WHITE, 8.59),
        ("#ffff00", BLACK, 19.56),
    ],
)
def test_ratio_of_known_pairs(one: str, other: str, expected: float) -> None:
    assert ratio(one, other) == pytest.approx(expected, abs=0.005)
    assert ratio(other, one) == ratio(one, other)


@pytest.mark.parametrize(
    ("ground", "ink"),
    [
        ("#ffff00", BLACK),
        ("#000080", WHITE),
        ("#b4481e", WHITE),
        ("#767676", BLACK),
        (WHITE, BLACK),
    ],
)
def test_text_on_a_ground_is_black_or_white(ground: str, ink: str) -> None:
    assert black_or_white(ground) == ink


@given(colours)
def test_text_on_any_colour_can_be_read(ground: str) -> None:
    assert ratio(black_or_white(ground), ground) >= 4.5


@given(colours, colours)
def test_any_colour_has_a_shade_that_can_be_read_on_any_ground(colour: str, ground: str) -> None:
    assert ratio(readable(colour, ground), ground) >= 4.5


def test_colour_that_can_be_read_stays() -> None:
    assert readable("#b4481e", WHITE) == "#b4481e"


def test_shade_keeps_its_hue() -> None:
    red, green, blue = (int(readable("#ffcc00", WHITE)[at : at + 2], 16) for at in (1, 3, 5))

    assert red > green > blue
