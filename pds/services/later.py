"""Work that nobody waits for: done soon in a thread of its own, once however often it is begun."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from pds.storage.database import close_thread_connection

logger = logging.getLogger("pds.jobs")

STOP_S: Final = 2.0


class Later:
    """``work`` finds out by itself what there is to do, and may be run in vain or cut off."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._lock = threading.Lock()
        self._is_due = False
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Have the work done once more after this moment."""
        with self._lock:
            self._is_due = True
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Return when nothing is left to do."""
        with self._lock:
            running = self._thread
        if running is not None:
            running.join()

    def stop(self) -> None:
        """Begin nothing more, and wait a little for what runs."""
        with self._lock:
            self._is_stopped = True
            running = self._thread
        if running is not None:
            running.join(STOP_S)

    def _run(self) -> None:
        try:
            while self._take():
                try:
                    self._work()
                except Exception:
                    logger.exception("work in the background failed: %s", self._name)
        finally:
            close_thread_connection()

    def _take(self) -> bool:
        with self._lock:
            if self._is_due and not self._is_stopped:
                self._is_due = False
                return True
            self._thread = None
            return False
