"""How many calls to other services may be under way: one that hangs must not take all threads.

Terms
- upstream: a service by its address (scheme, host, port).
- peer: one that the operator has configured. stranger: one that a client named.
- slot: the right to have one call under way; held until its answer has been read to the end.

Whoever finds no slot waits for a moment, so that an app that asks for twenty things at once gets
them, and is then told to come back later. Strangers share fewer slots, and an account may hold only
some of these: whoever runs a service that never answers can hold up themselves.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Final

from pds.errors import UpstreamBusyError

WAIT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many calls may be under way at once."""

    in_all: int
    per_peer: int
    strangers: int
    per_stranger: int
    per_account: int  # to strangers
    waiting: int

    @classmethod
    def for_threads(cls, threads: int) -> Bounds:
        """The bounds of a server with so many threads for ordinary requests."""
        return cls(
            in_all=3 * threads,
            per_peer=2 * threads,
            strangers=threads,
            per_stranger=max(1, threads // 2),
            per_account=max(1, threads // 2),
            waiting=2 * threads,
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to call what. ``upstream`` is also what a refusal names."""

    upstream: str
    did: str
    is_stranger: bool


class Slot:
    """A slot that is held; letting go twice is fine."""

    def __init__(self, slots: UpstreamSlots, claim: Claim) -> None:
        self._slots = slots
        self._claim: Claim | None = claim

    def release(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            self._slots.give_back(claim)


class UpstreamSlots:
    """Hands out slots."""

    def __init__(self, bounds: Bounds, wait_s: float = WAIT_S) -> None:
        self._bounds = bounds
        self._wait_s = wait_s
        self._freed = threading.Condition()
        self._in_all = 0
        self._strangers = 0
        self._waiting = 0
        self._by_upstream: Counter[str] = Counter()
        self._by_account: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return self._waiting

    @property
    def busy(self) -> dict[str, int]:
        """How many calls are under way, by upstream."""
        with self._freed:
            return dict(self._by_upstream)

    def take(self, claim: Claim) -> Slot:
        """A slot for one call.

        Raises:
            UpstreamBusyError: there is none, and none has become free in time.
        """
        with self._freed:
            if not self._is_free(claim) and not self._wait_for(claim):
                message = f"Too many calls to {claim.upstream} are under way, try again shortly"
                raise UpstreamBusyError(message)
            self._count(claim, 1)
        return Slot(self, claim)

    def give_back(self, claim: Claim) -> None:
        """Undo ``take``; only for ``Slot``."""
        with self._freed:
            self._count(claim, -1)
            self._freed.notify_all()

    def _is_free(self, claim: Claim) -> bool:
        bounds = self._bounds
        taken = self._by_upstream.get(claim.upstream, 0)
        if self._in_all >= bounds.in_all:
            return False
        if not claim.is_stranger:
            return taken < bounds.per_peer
        return (
            self._strangers < bounds.strangers
            and taken < bounds.per_stranger
            and self._by_account.get(claim.did, 0) < bounds.per_account
        )

    def _wait_for(self, claim: Claim) -> bool:
        if self._waiting >= self._bounds.waiting:
            return False
        self._waiting += 1
        try:
            return self._freed.wait_for(lambda: self._is_free(claim), self._wait_s)
        finally:
            self._waiting -= 1

    def _count(self, claim: Claim, change: int) -> None:
        self._in_all += change
        _add(self._by_upstream, claim.upstream, change)
        if claim.is_stranger:
            self._strangers += change
            _add(self._by_account, claim.did, change)


def _add(counter: Counter[str], key: str, change: int) -> None:
    """Change a count; keys with a count of none go, so that names cannot pile up."""
    counter[key] += change
    if not counter[key]:
        del counter[key]
