"""Handles: domain names that point to an account.

Spec: https://atproto.com/specs/handle
"""

from __future__ import annotations

import re
from typing import Final

# Syntactically fine but never resolvable: refuse them on registration and resolution. ``.test``
# is not among them; development servers live there, and policy decides where it is allowed.
DISALLOWED_TLDS: Final = frozenset(
    (".alt", ".arpa", ".example", ".internal", ".invalid", ".local", ".localhost", ".onion")
)
# What an account shows while no handle of its own is verified.
INVALID_HANDLE: Final = "handle.invalid"

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HANDLE: Final = re.compile(
    rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?",
    re.ASCII,
)


class InvalidHandleError(ValueError):
    """Not a handle in the syntax of the protocol."""


class Handle(str):
    """A handle, kept as written; compare and store ``normalized()``."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> Handle:
        """Check the syntax, not the top-level domain.

        Raises:
            InvalidHandleError: the syntax is wrong.
        """
        if not is_handle(raw):
            raise InvalidHandleError("not a handle")
        return cls(raw)

    def normalized(self) -> Handle:
        """The lower-case form, the one to store and to send."""
        return Handle(self.lower())

    @property
    def tld(self) -> str:
        """The last label with its dot, lower-case, as in ``DISALLOWED_TLDS``."""
        return "." + self.rpartition(".")[2].lower()


def is_handle(raw: str) -> bool:
    return _HANDLE.fullmatch(raw) is not None
