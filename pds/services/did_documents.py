"""DID documents of anybody, remembered for a while.

Terms
- fresh: seen within the stale time (1 h by default): served as it is.
- stale: older, but within the maximum (24 h): served, and refreshed in the background.
- forced: the caller has reason to doubt what is remembered (a signature that does not verify).
Spec: https://atproto.com/specs/did
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from pds.errors import PdsError
from pds.network.did_resolver import DidNotFoundError
from pds.services.clock import Clock
from pds.storage import did_cache
from pds.storage.database import close_thread_connection, transaction

logger = logging.getLogger("pds.identity")

NOT_FOUND_US = 10_000_000  # how long "no such DID" is believed
MAX_NOT_FOUND = 1_000
# Anybody can make us resolve a DID. Together these keep the table below 320 MB whatever comes.
MAX_REMEMBERED = 20_000
MAX_REMEMBERED_CHARS = 16_384
SAVES_BETWEEN_TRIMS = 256


class Resolver(Protocol):
    """Where DID documents come from."""

    def resolve(self, did: str) -> dict[str, Any]:
        """Raises UnresolvableDidError (DidNotFoundError when there certainly is none)."""


class DidDocuments:
    """Resolved DID documents behind the table ``did_cache``. Ages are in microseconds."""

    def __init__(self, resolver: Resolver, clock: Clock, *, stale_us: int, max_us: int) -> None:
        self._resolver = resolver
        self._clock = clock
        self._stale_us = stale_us
        self._max_us = max_us
        self._absent: dict[str, _Absence] = {}
        self._saves = itertools.count(1)
        self._refreshing = _Refreshing()

    def get(self, did: str) -> dict[str, Any]:
        """The DID document, from memory where that is young enough.

        Raises:
            UnresolvableDidError: there is none, or nobody who knows it answered.
        """
        now_us = self._clock()
        cached = did_cache.find_document(did)
        if cached is None or now_us - cached.updated_at_us >= self._max_us:
            absence = self._absent.get(did)
            if absence is not None and absence.until_us > now_us:
                raise absence.kind(absence.message)
            return self.refresh(did)
        if now_us - cached.updated_at_us >= self._stale_us:
            self._refreshing.start(did, self.refresh)
        return cached.document

    def refresh(self, did: str) -> dict[str, Any]:
        """Resolve now and remember the answer. Raises UnresolvableDidError."""
        try:
            document = self._resolver.resolve(did)
        except DidNotFoundError as error:
            self._remember_absence(did, error)
            raise
        self._absent.pop(did, None)
        self._remember(did, document)
        return document

    def refresh_or_forget(self, did: str) -> None:
        """After a change of the document: fetch it again, or at least drop what is known wrong."""
        try:
            self.refresh(did)
        except PdsError as error:
            logger.warning("could not refresh %s after a change: %s", did, error)
            self.forget(did)

    def forget(self, did: str) -> None:
        """Know nothing about ``did``, not even that it does not exist."""
        self._absent.pop(did, None)
        with transaction():
            did_cache.remove_document(did)

    def expire(self, limit: int) -> int:
        """Drop up to ``limit`` documents past their maximum age; return how many went."""
        with transaction():
            return did_cache.remove_older_than(self._clock() - self._max_us, limit)

    def close(self) -> None:
        """Stop refreshing in the background; waits for what is running."""
        self._refreshing.close()

    def _remember(self, did: str, document: dict[str, Any]) -> None:
        """Keep a document, unless it is so large that many of its kind would fill the disk."""
        text = json.dumps(document, separators=(",", ":"))
        with transaction():
            if len(text) > MAX_REMEMBERED_CHARS:
                did_cache.remove_document(did)
                return
            did_cache.save_document(did, text, self._clock())
            if next(self._saves) % SAVES_BETWEEN_TRIMS == 0:
                did_cache.remove_all_but_newest(MAX_REMEMBERED)

    def _remember_absence(self, did: str, error: DidNotFoundError) -> None:
        self.forget(did)
        if len(self._absent) >= MAX_NOT_FOUND:
            self._absent.clear()
        self._absent[did] = _Absence(self._clock() + NOT_FOUND_US, type(error), str(error))


class _Absence(NamedTuple):
    """That there is no such DID, and until when this is believed."""

    until_us: int
    kind: type[DidNotFoundError]
    message: str


class _Refreshing:
    """Refreshes documents in the background, each DID at most once at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="did-refresh")
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def start(self, did: str, refresh: Callable[[str], object]) -> None:
        with self._lock:
            if did in self._running:
                return
            self._running.add(did)
        try:
            self._pool.submit(self._run, did, refresh)
        except RuntimeError:  # closed: the server is stopping
            self._finish(did)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, did: str, refresh: Callable[[str], object]) -> None:
        try:
            refresh(did)
        except PdsError as error:
            logger.info("could not refresh %s: %s", did, error)
        except Exception:
            logger.exception("refreshing %s failed", did)
        finally:
            close_thread_connection()
            self._finish(did)

    def _finish(self, did: str) -> None:
        with self._lock:
            self._running.discard(did)
