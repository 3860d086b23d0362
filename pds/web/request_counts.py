"""How many requests there were, of which kind, with which outcome, and how long they took.

Kept in plain dictionaries: what reads them (``web/metrics.py``) is loaded when somebody asks.
Methods count by their NSID; so that a stranger cannot make names up, all others count as one.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

BUCKETS_S: Final = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)


@dataclass(slots=True)
class Durations:
    """Of one kind of request. ``counts``: by bucket, one more than ``BUCKETS_S``; not summed up."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0


class RequestCounts:
    """Since the start of the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._durations: dict[str, Durations] = {}

    def add(self, kind: str, status: str, seconds: float) -> None:
        """kind: an NSID of ours, or what ``kind_of`` says. status: three digits."""
        place = bisect_left(BUCKETS_S, seconds)
        with self._lock:
            self._outcomes[kind, status] += 1
            durations = self._durations.get(kind)
            if durations is None:
                durations = self._durations[kind] = Durations()
            durations.counts[place] += 1
            durations.sum_s += seconds

    def outcomes(self) -> dict[tuple[str, str], int]:
        """By kind and status."""
        with self._lock:
            return dict(self._outcomes)

    def durations(self) -> dict[str, Durations]:
        with self._lock:
            return {
                kind: Durations(list(found.counts), found.sum_s)
                for kind, found in self._durations.items()
            }


def kind_of(path: str, nsid: str | None, *, is_ours: bool) -> str:
    """What a request counts as. is_ours: whether ``nsid`` is a method that is answered here."""
    if nsid is not None:
        return nsid if is_ours else "proxied"
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in ("xrpc", "oauth", "account", "static", ".well-known") else "other"
