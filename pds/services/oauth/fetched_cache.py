"""What strangers have us fetch, kept for a while so that it is not fetched with every request.

- Whoever wants what is being fetched waits for that one fetch.
- Waiting and fetching take a turn (``look_ups.py``): slow servers cannot hold all threads.
- A failure is believed for a moment, lest somebody make this server knock at another's door as
  fast as it can.
- All is bounded; what was not wanted for the longest time goes first.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from pds.errors import PdsError
from pds.services.clock import Clock
from pds.services.look_ups import LookUps, LookUpsBusyError

_SECOND_US: Final = 1_000_000
MAX_FAILURES: Final = 1_000
# A document may be all short strings: three letters and a blank become an object of 64 bytes.
MEMORY_PER_BYTE: Final = 16
_ENTRY_BYTES: Final = 2_048

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long, and how much. Times in microseconds."""

    max_age_us: int = 600 * _SECOND_US
    failure_us: int = 30 * _SECOND_US
    max_memory_bytes: int = 32_000_000
    max_entries: int = 1_000


DEFAULTS: Final = Keeping()


class Loaded(NamedTuple, Generic[T]):
    """What came of a fetch, and how many bytes it was made from."""

    value: T
    size_bytes: int


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    memory_bytes: int
    loaded_us: int
    tried_us: int


class _Failure(NamedTuple):
    error: PdsError
    until_us: int


class FetchedCache(Generic[T]):
    """Values by the URL they come from."""

    def __init__(
        self,
        load: Callable[[str], Loaded[T]],
        clock: Clock,
        look_ups: LookUps,
        keeping: Keeping = DEFAULTS,
    ) -> None:
        """``load`` fetches; the PdsErrors that it raises are believed for a while, too."""
        self._load = load
        self._clock = clock
        self._look_ups = look_ups
        self._keeping = keeping
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._failures: OrderedDict[str, _Failure] = OrderedDict()
        self._flights: dict[str, Future[T]] = {}
        self.memory_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, url: str, *, max_age_us: int | None = None) -> T:
        """The value, fetched at most ``max_age_us`` ago where that is less than it is kept for.

        Where fetching anew fails, what there is serves until its time is over.

        Raises:
            LookUpsBusyError: it would have to be fetched, and too many are waiting already.
            PdsError: as ``load``, now or a moment ago.
        """
        if max_age_us is None:
            max_age_us = self._keeping.max_age_us
        with self._lock:
            held = self._find(url, max_age_us)
        if held is not None:
            return held.value
        with self._look_ups.turn():
            return self._join_or_fetch(url, max_age_us)

    def _join_or_fetch(self, url: str, max_age_us: int) -> T:
        with self._lock:
            held = self._find(url, max_age_us)
            if held is not None:
                return held.value
            under_way = self._flights.get(url)
            flight: Future[T] = under_way or Future()
            self._flights[url] = flight
        if under_way is None:
            return self._fetch(url, flight)
        try:
            return flight.result()
        except PdsError as error:
            raise copy.copy(error) from None

    def _fetch(self, url: str, flight: Future[T]) -> T:
        try:
            value = self._loaded(url)
        except BaseException as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(value)
            return value
        finally:
            with self._lock:
                del self._flights[url]

    def _loaded(self, url: str) -> T:
        try:
            loaded = self._load(url)
        except LookUpsBusyError:
            raise  # says nothing about what was to be fetched
        except PdsError as error:
            with self._lock:
                held = self._note_failure(url, error)
            if held is None:
                raise
            return held.value
        with self._lock:
            self._keep(url, loaded)
        return loaded.value

    # --- with the lock held -------------------------------------------------------------------

    def _find(self, url: str, max_age_us: int) -> _Entry[T] | None:
        now_us = self._clock()
        entry = self._entries.get(url)
        if entry is not None and now_us - entry.loaded_us >= self._keeping.max_age_us:
            self._drop(url)
            entry = None
        if entry is not None and now_us - entry.tried_us < max_age_us:
            self._entries.move_to_end(url)
            return entry
        failure = self._failures.get(url)
        if entry is None and failure is not None and now_us < failure.until_us:
            raise copy.copy(failure.error)
        return None

    def _keep(self, url: str, loaded: Loaded[T]) -> None:
        now_us = self._clock()
        self._failures.pop(url, None)
        self._drop(url)
        memory_bytes = _ENTRY_BYTES + len(url) + loaded.size_bytes * MEMORY_PER_BYTE
        if memory_bytes > self._keeping.max_memory_bytes:
            return
        self._entries[url] = _Entry(loaded.value, memory_bytes, now_us, now_us)
        self.memory_bytes += memory_bytes
        while (
            self.memory_bytes > self._keeping.max_memory_bytes
            or len(self._entries) > self._keeping.max_entries
        ):
            self._drop(next(iter(self._entries)))

    def _drop(self, url: str) -> None:
        entry = self._entries.pop(url, None)
        if entry is not None:
            self.memory_bytes -= entry.memory_bytes

    def _note_failure(self, url: str, error: PdsError) -> _Entry[T] | None:
        """Remember that it failed; the entry that serves nevertheless."""
        now_us = self._clock()
        entry = self._entries.get(url)
        if entry is not None and now_us - entry.loaded_us < self._keeping.max_age_us:
            entry.tried_us = now_us
            return entry
        self._failures.pop(url, None)
        self._failures[url] = _Failure(copy.copy(error), now_us + self._keeping.failure_us)
        while len(self._failures) > MAX_FAILURES:
            self._failures.popitem(last=False)
        return None
