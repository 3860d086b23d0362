"""Media types and ranges of them, in lower case: ``image/png``, ``image/*``, ``*/*``.

Spec: RFC 6838 §4.2
"""

from __future__ import annotations

import re
from typing import Final

ANY_TYPE: Final = "*/*"

_NAME: Final = r"[a-z0-9!#$&^_.+-]{1,127}"
_TYPE: Final = re.compile(rf"{_NAME}/{_NAME}")
_RANGE: Final = re.compile(rf"\*/\*|{_NAME}/(?:\*|{_NAME})")


def is_mime_type(raw: str) -> bool:
    return _TYPE.fullmatch(raw) is not None


def is_mime_range(raw: str) -> bool:
    """Whether it is a type or a range of types."""
    return _RANGE.fullmatch(raw) is not None


def wider(mime_range: str) -> tuple[str, ...]:
    """The ranges that hold all of ``mime_range``, itself not among them."""
    if mime_range == ANY_TYPE:
        return ()
    family = mime_range.partition("/")[0] + "/*"
    return (ANY_TYPE,) if mime_range == family else (family, ANY_TYPE)
