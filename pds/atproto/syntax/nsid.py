"""NSIDs: the names of Lexicons, reversed domain names with a name at the end.

Spec: https://atproto.com/specs/nsid
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NSID: Final = re.compile(
    # Only the whole is limited: the interoperability vectors hold authorities longer than a domain
    # name may be.
    r"(?=.{5,317}\Z)"
    rf"[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?(?:\.{_LABEL})+\.[A-Za-z][A-Za-z0-9]{{0,62}}",
    re.ASCII,
)


class InvalidNsidError(ValueError):
    """Not an NSID."""


class Nsid(str):
    """An NSID, kept as written; the name, its last segment, is case-sensitive."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> Nsid:
        """Check the syntax.

        Raises:
            InvalidNsidError: the syntax is wrong.
        """
        if not is_nsid(raw):
            raise InvalidNsidError("not an NSID")
        return cls(raw)

    @property
    def authority(self) -> str:
        """The domain that owns the NSID, in the order and case of DNS: ``bsky.app``, say."""
        return ".".join(reversed(self.split(".")[:-1])).lower()

    @property
    def name(self) -> str:
        return self.rpartition(".")[2]


def is_nsid(raw: str) -> bool:
    return _NSID.fullmatch(raw) is not None
