"""How wrong passwords make the next attempt wait: longer and longer, and for whom.

Three bounds are kept side by side, each counting wrong attempts of its own kind of key:

- a name at one address: what somebody who guesses at one account from one place runs into;
- an address, whatever names it tries: what trying one password on many accounts runs into;
- a name from anywhere: what many addresses that guess together run into.

The last two can be spent by strangers, so they neither count nor concern an address that the name
is known to log in from. An attempt is counted before the password is looked at and taken back when
it was right: attempts at the same time are no way around. One that has to wait is not looked at,
not even when it is right, or it would tell.

Counts are in memory: a restart forgives everything.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from pds.errors import RateLimitExceededError
from pds.services.clock import Clock

_SECOND_US = 1_000_000
FORGOTTEN_AFTER_S = 24 * 60 * 60
MAX_KEYS = 10_000
_ROOM = 8  # this part of a full store makes way at once, as in ``rate_counters``


@dataclass(frozen=True, slots=True)
class Patience:
    """``free`` wrong attempts cost no time; then one waits ``first_s``, each time twice as long."""

    free: int
    first_s: int
    longest_s: int

    def wait_s(self, wrong: int) -> int:
        """How long to wait after this many wrong attempts."""
        if wrong < self.free:
            return 0
        doubled = min(wrong - self.free, self.longest_s.bit_length())
        return int(min(self.first_s << doubled, self.longest_s))


NAME_AT_ADDRESS = Patience(free=10, first_s=60, longest_s=60 * 60)
ADDRESS = Patience(free=50, first_s=60, longest_s=15 * 60)
NAME_ANYWHERE = Patience(free=100, first_s=60, longest_s=10 * 60)


class LockedOutError(RateLimitExceededError):
    """Too many were wrong. Nothing was looked at, so nothing is known about this attempt."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many wrong passwords. Try again in {in_words(wait_s)}.")
        self.wait_s = wait_s
        self.retry_after = str(wait_s)


@dataclass(slots=True)
class _Wrong:
    count: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that is counted.

    before: when the attempts before it were made, bound by bound. next_wait_s: how long the next
    one has to wait if this one is wrong.
    """

    keys: tuple[tuple[_Bound, str], ...]
    before: tuple[int, ...]
    made_us: int
    next_wait_s: int


class _Bound:
    """The counts of one kind of key. The caller holds the lock."""

    def __init__(self, patience: Patience, clock: Clock, max_keys: int) -> None:
        self._patience = patience
        self._clock = clock
        self._max_keys = max_keys
        self._wrong: dict[str, _Wrong] = {}

    def wait_s(self, key: str) -> int:
        """How long ``key`` still has to wait, rounded up."""
        wrong = self._find(key)
        if wrong is None:
            return 0
        until_us = wrong.last_us + self._patience.wait_s(wrong.count) * _SECOND_US
        return max(0, -((self._clock() - until_us) // _SECOND_US))

    def count(self, key: str, now_us: int) -> int:
        """Count a wrong attempt; when the one before was made."""
        wrong = self._find(key)
        if wrong is None:
            if len(self._wrong) >= self._max_keys:
                self._make_room(now_us)
            self._wrong[key] = _Wrong(1, now_us)
            return now_us
        before_us, wrong.last_us = wrong.last_us, now_us
        wrong.count += 1
        return before_us

    def take_back(self, key: str, made_us: int, before_us: int) -> None:
        wrong = self._wrong.get(key)
        if wrong is None:
            return
        wrong.count -= 1
        if wrong.last_us == made_us:
            wrong.last_us = before_us
        if wrong.count <= 0:
            del self._wrong[key]

    def forget(self, key: str) -> None:
        self._wrong.pop(key, None)

    def _find(self, key: str) -> _Wrong | None:
        wrong = self._wrong.get(key)
        if wrong is not None and self._is_old(wrong, self._clock()):
            del self._wrong[key]
            return None
        return wrong

    def _is_old(self, wrong: _Wrong, now_us: int) -> bool:
        return now_us - wrong.last_us >= FORGOTTEN_AFTER_S * _SECOND_US

    def _make_room(self, now_us: int) -> None:
        """As ``rate_counters``: who has guessed most is forgotten last."""
        for key in [key for key, wrong in self._wrong.items() if self._is_old(wrong, now_us)]:
            del self._wrong[key]
        surplus = len(self._wrong) - (self._max_keys - max(1, self._max_keys // _ROOM))
        for key in heapq.nsmallest(surplus, self._wrong, key=lambda key: self._wrong[key].count):
            del self._wrong[key]

    def __len__(self) -> int:
        return len(self._wrong)


class LockOuts:
    """Counts wrong attempts and says who has to wait. Safe to call from many threads."""

    def __init__(self, clock: Clock, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._name_at_address = _Bound(NAME_AT_ADDRESS, clock, max_keys)
        self._address = _Bound(ADDRESS, clock, max_keys)
        self._name_anywhere = _Bound(NAME_ANYWHERE, clock, max_keys)
        self.bounds = (self._name_at_address, self._address, self._name_anywhere)

    def begin(self, name: str, block: str, *, is_known: bool) -> Attempt:
        """Count an attempt as wrong, before it is looked at.

        name: whatever stands for who is guessed at. block: of the address, "" if that is unknown.
        is_known: the name has logged in from there before.

        Raises:
            LockedOutError: it has to wait, and is not counted.
        """
        with self._lock:
            keys = tuple(self._keys(name, block, is_known=is_known))
            wait_s = max(bound.wait_s(key) for bound, key in keys)
            if wait_s > 0:
                raise LockedOutError(wait_s)
            now_us = self._clock()
            before = tuple(bound.count(key, now_us) for bound, key in keys)
            next_wait_s = max(bound.wait_s(key) for bound, key in keys)
            return Attempt(keys, before, now_us, next_wait_s)

    def take_back(self, attempt: Attempt) -> None:
        """It was not wrong after all, or was not looked at. What was counted before stays."""
        with self._lock:
            for (bound, key), before_us in zip(attempt.keys, attempt.before, strict=True):
                bound.take_back(key, attempt.made_us, before_us)

    def succeed(self, attempt: Attempt) -> None:
        """It was right, and all of it: the name starts anew at this address.

        Not so the other two bounds: an account of one's own must not win back guesses at others.
        """
        self.take_back(attempt)
        with self._lock:
            bound, key = attempt.keys[0]
            bound.forget(key)

    def _keys(self, name: str, block: str, *, is_known: bool) -> Iterator[tuple[_Bound, str]]:
        yield self._name_at_address, f"{name} {block}"
        if is_known:
            return
        if block:  # else everybody whose address is not known would share one bound
            yield self._address, block
        yield self._name_anywhere, name


def in_words(seconds: int) -> str:
    """A wait as people say it, never shorter than it is."""
    minutes = -(-seconds // 60)
    if minutes <= 1:
        return "a minute"
    return "an hour" if minutes == 60 else f"{minutes} minutes"
