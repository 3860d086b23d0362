"""Lists of NSIDs in which a star stands for all of them. A star is never part of an NSID."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pds.atproto.syntax.nsid import is_nsid

ANY: Final = "*"


def is_nsid_or_any(raw: str) -> bool:
    return raw == ANY or is_nsid(raw)


def sorted_or_any(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in order; the star makes the others superfluous."""
    unique = set(names)
    return (ANY,) if ANY in unique else tuple(sorted(unique))
