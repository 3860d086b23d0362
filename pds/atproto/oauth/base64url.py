"""The base64 of JOSE: the URL alphabet, no padding, one text for each value.

Spec: https://www.rfc-editor.org/rfc/rfc7515#section-2
"""

from __future__ import annotations

import base64
import re
from typing import Final

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*")


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes behind a text; padding, foreign characters and unused bits that are set are faults.

    Raises:
        ValueError: not what ``encode`` would have made.
    """
    if _ALPHABET.fullmatch(text) is None or len(text) % 4 == 1:
        raise ValueError("not base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(raw) != text:
        raise ValueError("not base64url in its one form")
    return raw
