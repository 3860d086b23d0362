"""DIDs: the permanent names of accounts.

Spec: https://atproto.com/specs/did
"""

from __future__ import annotations

import re
from typing import Final

_DID: Final = re.compile(
    r"(?=.{1,2048}\Z)did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]",
    re.ASCII,
)


class InvalidDidError(ValueError):
    """Not a DID in the syntax of the protocol."""


class Did(str):
    """A DID of any method; case-sensitive, kept as written."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> Did:
        """Check the syntax, not the method.

        Raises:
            InvalidDidError: the syntax is wrong.
        """
        if not is_did(raw):
            raise InvalidDidError("not a DID")
        return cls(raw)

    @property
    def method(self) -> str:
        """The part after ``did:``, such as ``plc`` or ``web``."""
        return self.split(":", 2)[1]


def is_did(raw: str) -> bool:
    return _DID.fullmatch(raw) is not None
