"""How many look-ups of handles, DIDs and apps may be under way at a time.

Strangers choose whom we ask: any handle, any did:web, the issuer of any service token, the document
of any app. A server of theirs that answers slowly holds one of our request threads for seconds, so
a few such questions a second would take all of them. Beyond a part of the threads, look-ups are
refused at once; who asks for nothing outside does not notice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from pds.errors import NotEnoughResourcesError

Found = TypeVar("Found", covariant=True)  # noqa: PLC0105 # a protocol's result, as its name says


class LookUpsBusyError(NotEnoughResourcesError):
    """Nothing is known about what was to be looked up: it was not asked for."""

    default_message = "Too many handles, DIDs and apps are being looked up, try again shortly"


class Resolver(Protocol[Found]):
    """Something that asks others."""

    def resolve(self, name: str, /) -> Found: ...


class LookUps:
    """Counts them."""

    def __init__(self, at_once: int) -> None:
        self._turns = threading.BoundedSemaphore(at_once)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One of the questions, for the block. Raises LookUpsBusyError when too many are asking."""
        if not self._turns.acquire(blocking=False):
            raise LookUpsBusyError
        try:
            yield
        finally:
            self._turns.release()

    def bounded(self, resolver: Resolver[Found]) -> Bounded[Found]:
        """``resolver``, whose questions count here."""
        return Bounded(resolver, self)


class Bounded(Generic[Found]):
    """A resolver with a limited number of questions at a time, shared with others."""

    def __init__(self, resolver: Resolver[Found], look_ups: LookUps) -> None:
        self._resolver = resolver
        self._look_ups = look_ups

    def resolve(self, name: str) -> Found:
        """As the resolver does. Raises LookUpsBusyError when too many are asking."""
        with self._look_ups.turn():
            return self._resolver.resolve(name)
