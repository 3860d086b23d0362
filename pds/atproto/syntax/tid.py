"""TIDs: time-ordered identifiers of records and revisions.

A TID is a 64-bit number in 13 digits of a base 32 whose alphabet sorts like ASCII, so TIDs sort as
text like their times: top bit 0, 53 bits of microseconds since 1970, 10 bits of clock id. The
syntax lets the first digit overflow the top bit: keep TIDs as text, not in signed 64-bit numbers.

Spec: https://atproto.com/specs/tid
"""

from __future__ import annotations

import re
from typing import Final

MAX_US: Final = (1 << 53) - 1
MAX_CLOCK_ID: Final = (1 << 10) - 1

_TID: Final = re.compile(r"[2-7a-j][2-7a-z]{12}", re.ASCII)
_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = {char: digit for digit, char in enumerate(_ALPHABET)}


class InvalidTidError(ValueError):
    """Not a TID, or a time or clock id that a TID cannot hold."""


class Tid(str):
    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> Tid:
        """Check the syntax.

        Raises:
            InvalidTidError: the syntax is wrong.
        """
        if not is_tid(raw):
            raise InvalidTidError("not a TID")
        return cls(raw)

    @classmethod
    def from_us(cls, us: int, clock_id: int) -> Tid:
        """The TID of a time in microseconds since 1970, and a clock id of 0 to 1023.

        Raises:
            InvalidTidError: either is out of range.
        """
        if not 0 <= us <= MAX_US or not 0 <= clock_id <= MAX_CLOCK_ID:
            raise InvalidTidError("the time or clock id does not fit into a TID")
        number = us << 10 | clock_id
        return cls("".join([_ALPHABET[number >> shift & 31] for shift in range(60, -5, -5)]))

    @property
    def us(self) -> int:
        """Microseconds since 1970; beyond ``MAX_US`` where the first digit overflows."""
        return self._number() >> 10

    @property
    def clock_id(self) -> int:
        return self._number() & MAX_CLOCK_ID

    def _number(self) -> int:
        number = 0
        for char in self:
            number = number << 5 | _DIGITS[char]
        return number


def is_tid(raw: str) -> bool:
    return _TID.fullmatch(raw) is not None


def next_tid(now_us: int, clock_id: int, after: str | None) -> Tid:
    """The TID of now, or of one microsecond past ``after`` where the clock has not moved beyond it.

    A repository's revision must grow even when the clock steps back or the account came from a
    server whose clock ran ahead.

    Raises:
        InvalidTidError: ``after`` is not a TID, or no later TID exists.
    """
    us = now_us if after is None else max(now_us, Tid.parse(after).us + 1)
    return Tid.from_us(us, clock_id)
