"""Lists of NSIDs in which a star stands for all of them. A star is never part of an NSID."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from pds.atproto.syntax.nsid import is_nsid

ANY: Final = "*"


def is_nsid_or_any(raw: str) -> bool:
    return raw == ANY or is_nsid(raw)


def sorted_or_any(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in order; the star makes the others superfluous."""
    unique = set(names)
    return (ANY,) if ANY in unique else tuple(sorted(unique))


def holds(names: Sequence[str], name: str) -> bool:
    """Whether a list that ``sorted_or_any`` made holds a name, or the star, which holds all.

    A grant may name thousands, and every call asks.
    """
    position = bisect_left(names, name)
    return names[position : position + 1] == (name,) or names[:1] == (ANY,)
