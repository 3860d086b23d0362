"""How well colours can be told apart, and the nearest colour that can be read.

Colours are ``#rrggbb``, ratios 1 to 21. Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from __future__ import annotations

import colorsys

BLACK, WHITE = "#000000", "#ffffff"
TEXT_RATIO = 4.5  # WCAG 2.2, 1.4.3, level AA

_STEPS = 50


def luminance(colour: str) -> float:
    """Relative luminance: 0 for black, 1 for white."""
    red, green, blue = (_linear(part) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    """The contrast ratio of two colours, in whichever order."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def black_or_white(ground: str) -> str:
    """The one of both that is read better on ``ground``; always at 4.58 or more."""
    return max(WHITE, BLACK, key=lambda ink: ratio(ink, ground))


def readable(colour: str, ground: str) -> str:
    """``colour`` in the shade nearest to it that can be read as text on ``ground``.

    Hue and saturation stay; it gets darker on a light ground and lighter on a dark one.
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    towards = 0.0 if black_or_white(ground) == BLACK else 1.0
    for step in range(_STEPS):
        moved = lightness + (towards - lightness) * step / _STEPS
        shade = _hex(colorsys.hls_to_rgb(hue, moved, saturation))
        if ratio(shade, ground) >= TEXT_RATIO:
            return shade
    return black_or_white(ground)


def _parts(colour: str) -> tuple[float, float, float]:
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def _hex(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
