"""The generic ``uri`` string format of Lexicons: a scheme and something after it.

Spec: https://atproto.com/specs/lexicon#uri
"""

from __future__ import annotations

import re
from typing import Final

_URI: Final = re.compile(
    # Not ASCII mode: every kind of Unicode blank is refused.
    r"(?=.{3,8192}\Z)[A-Za-z][A-Za-z0-9+.-]{0,80}:[^\s\x00-\x1f\x7f]+",
)


def is_uri(raw: str) -> bool:
    return _URI.fullmatch(raw) is not None
