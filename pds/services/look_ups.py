"""How many look-ups of handles, DIDs and apps may be under way at a time.

Strangers choose whom we ask: any handle, any did:web, the issuer of any service token, the document
of any app. A server of theirs that answers slowly holds one of our request threads for seconds, so
a few such questions a second would take all of them. Beyond a part of the threads, look-ups are
refused at once; who asks for nothing outside does not notice.

A few more are kept for apps that members have let in: strangers who hold all of the others must not
sign everybody out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, Protocol, TypeVar

from pds.errors import NotEnoughResourcesError

Found = TypeVar("Found", covariant=True)  # noqa: PLC0105 # a protocol's result, as its name says


class LookUpsBusyError(NotEnoughResourcesError):
    """Nothing is known about what was to be looked up: it was not asked for."""

    default_message = "Too many handles, DIDs and apps are being looked up, try again shortly"


class Resolver(Protocol[Found]):
    """Something that asks others."""

    def resolve(self, name: str, /) -> Found: ...


_is_for_members: ContextVar[bool] = ContextVar("is_for_members", default=False)


@contextmanager
def for_members() -> Iterator[None]:
    """Look up in the block for somebody who has shown that a member wants it."""
    before = _is_for_members.set(True)
    try:
        yield
    finally:
        _is_for_members.reset(before)


class LookUps:
    """Counts them."""

    def __init__(self, at_once: int, reserved: int = 0) -> None:
        """reserved: how many more may be under way if they are ``for_members``."""
        self._turns = threading.BoundedSemaphore(at_once)
        self._reserved = threading.BoundedSemaphore(reserved)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One of the questions, for the block. Raises LookUpsBusyError when too many are asking."""
        taken = self._take()
        try:
            yield
        finally:
            taken.release()

    def _take(self) -> threading.BoundedSemaphore:
        if self._turns.acquire(blocking=False):
            return self._turns
        if _is_for_members.get() and self._reserved.acquire(blocking=False):
            return self._reserved
        raise LookUpsBusyError

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
