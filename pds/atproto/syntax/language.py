"""Language tags: well-formed BCP 47 with a lower-case primary language of two or three letters.

Spec: https://atproto.com/specs/lexicon#language
"""

from __future__ import annotations

import re
from typing import Final

_GRANDFATHERED: Final = (
    "en-GB-oed|i-ami|i-bnn|i-default|i-enochian|i-hak|i-klingon|i-lux|i-mingo|i-navajo|i-pwn|i-tao"
    "|i-tay|i-tsu|sgn-BE-FR|sgn-BE-NL|sgn-CH-DE|art-lojban|cel-gaulish|no-bok|no-nyn|zh-guoyu"
    "|zh-hakka|zh-min|zh-min-nan|zh-xiang"
)
_PRIVATE_USE: Final = r"[xX](?:-[A-Za-z0-9]{1,8})+"
_LANGUAGE: Final = re.compile(
    rf"{_GRANDFATHERED}|{_PRIVATE_USE}"
    r"|[a-z]{2,3}(?:-[A-Za-z]{3}){0,3}"
    r"(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[0-9A-WY-Za-wy-z](?:-[A-Za-z0-9]{2,8})+)*)"
    rf"(?:-{_PRIVATE_USE})?",
    re.ASCII,
)


def is_language(raw: str) -> bool:
    match = _LANGUAGE.fullmatch(raw)
    if match is None:
        return False
    variants = _subtags(match["variants"])
    # Only the letter or digit that opens an extension is a single character.
    singletons = [subtag for subtag in _subtags(match["extensions"]) if len(subtag) == 1]
    return not _has_repeats(variants) and not _has_repeats(singletons)


def _subtags(text: str | None) -> list[str]:
    return text.lower().split("-")[1:] if text else []


def _has_repeats(items: list[str]) -> bool:
    return len(items) != len(set(items))
