"""Record keys: the name of a record within its collection.

Spec: https://atproto.com/specs/record-key
"""

from __future__ import annotations

import re
from typing import Final

_RECORD_KEY: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._:~-]{1,512}", re.ASCII)


class InvalidRecordKeyError(ValueError):
    """Not a record key."""


class RecordKey(str):
    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> RecordKey:
        """Check the general syntax; a collection's Lexicon may ask for more.

        Raises:
            InvalidRecordKeyError: the syntax is wrong.
        """
        if not is_record_key(raw):
            raise InvalidRecordKeyError("not a record key")
        return cls(raw)


def is_record_key(raw: str) -> bool:
    return _RECORD_KEY.fullmatch(raw) is not None
