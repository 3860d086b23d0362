"""A small filter against slurs in handles, where they would be forced on everybody's screen.

It knows a handful of words that have no innocent use, and the look-alike spellings that get around
a plain comparison. It is not moderation: whoever wants to offend will find a way.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

# What a reader takes for the letter: the digits that resemble it.
_LOOK_ALIKES: Final = str.maketrans("0134567829", "oieasbtbzg")
_SEPARATORS: Final = re.compile(r"[.-]")

# ROT13, so that reading or searching this source does not show them. A repeated letter matches any
# number of itself. Words that also occur inside ordinary ones count only as a whole label.
_ANYWHERE: Final = ("avttre", "snttbg", "xvxrf", "genaavr")
_WHOLE: Final = ("avttn", "puvax", "pbba", "sntt", "snt", "xvxr", "genaal")


def _pattern(word: str) -> str:
    return "".join(f"{letter}+" for letter in codecs.decode(word, "rot13"))


_ANYWHERE_PATTERN: Final = re.compile("|".join(map(_pattern, _ANYWHERE)))
_WHOLE_PATTERN: Final = re.compile(f"(?:{'|'.join(map(_pattern, _WHOLE))})s?")


def has_slur(text: str) -> bool:
    """Whether a handle contains a slur, also one spread over dots and hyphens."""
    plain = text.lower().translate(_LOOK_ALIKES)
    labels = _SEPARATORS.split(plain)
    return _ANYWHERE_PATTERN.search("".join(labels)) is not None or any(
        _WHOLE_PATTERN.fullmatch(label) for label in labels
    )
