"""One lock per repo: whoever changes a repo holds it from reading the head to the commit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class RepoLocks:
    """Locks by account, made when first needed. An account costs about 100 bytes for good."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[int, threading.Lock] = {}

    @contextmanager
    def hold(self, account_id: int) -> Iterator[None]:
        """Wait for the repo of ``account_id`` and keep others from changing it. Not re-entrant."""
        with self._guard:
            lock = self._locks.setdefault(account_id, threading.Lock())
        with lock:
            yield
