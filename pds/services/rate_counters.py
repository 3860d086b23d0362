"""Where the counts of one budget are kept: in memory, bounded, by our clock.

The arithmetic of windows is the library's (``limits``); this is the storage it asks for. Its own
for memory will not do: it reads the system's clock, starts a thread every ten milliseconds to look
at every key, and grows with every address that ever called.

Tricky bit: a full store must not become a way to win one's budget back. Each budget therefore has
a store of its own, and the keys that have spent least make room for new ones: whoever wants a
heavy spender forgotten has to spend as much under thousands of other keys first.
"""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass

from limits.storage import Storage

from pds.services.clock import Clock

MAX_KEYS = 10_000
_ROOM = 8  # this part of a full store makes way at once, so that looking for it is rare
_SECOND_US = 1_000_000


@dataclass(slots=True)
class _Count:
    spent: int
    expires_us: int


class Counters(Storage):
    """``limits``' storage: how much each key has spent, from its first hit to its window's end."""

    STORAGE_SCHEME = None
    base_exceptions = ValueError  # what the library may wrap; nothing here raises it

    def __init__(self, clock: Clock, max_keys: int = MAX_KEYS) -> None:
        super().__init__()
        self._clock = clock
        self._max_keys = max_keys
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Spend ``amount``; what ``key`` has spent since its window began. expiry: in seconds."""
        now_us = self._clock()
        with self._lock:
            count = self._counts.get(key)
            if count is not None and count.expires_us > now_us:
                count.spent += amount
                return count.spent
            if count is None and len(self._counts) >= self._max_keys:
                self._make_room(now_us)
            self._counts[key] = _Count(amount, now_us + expiry * _SECOND_US)
            return amount

    def get(self, key: str) -> int:
        count = self._counts.get(key)
        return 0 if count is None or count.expires_us <= self._clock() else count.spent

    def get_expiry(self, key: str) -> float:
        """When the window of ``key`` ends, in Unix seconds; now when it has none."""
        count = self._counts.get(key)
        return (self._clock() if count is None else count.expires_us) / _SECOND_US

    def clear(self, key: str) -> None:
        with self._lock:
            self._counts.pop(key, None)

    def reset(self) -> int:
        """Forget everything; how many keys there were."""
        with self._lock:
            forgotten = len(self._counts)
            self._counts.clear()
            return forgotten

    def check(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self._counts)

    def _make_room(self, now_us: int) -> None:
        counts = self._counts
        for key in [key for key, count in counts.items() if count.expires_us <= now_us]:
            del counts[key]
        wanted = self._max_keys - max(1, self._max_keys // _ROOM)
        surplus = len(counts) - wanted
        for key in heapq.nsmallest(surplus, counts, key=lambda key: counts[key].spent):
            del counts[key]
