"""A backup every night and a check of one every week, where a place for them is named.

In a thread of its own, which waits for a process: a long backup holds up no other job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pds.services.backup.nightly import BackupRun, due
from pds.services.maintenance import release_connection

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.backup")

FIRST_AFTER_S = 120.0  # a start is busy enough
EVERY_S = 300.0


class BackupRunner:
    """Runs from ``start`` until ``stop``; does nothing when no place is named."""

    def __init__(
        self,
        services: Services,
        environ: Mapping[str, str],
        *,
        first_after_s: float = FIRST_AFTER_S,
        every_s: float = EVERY_S,
    ) -> None:
        """environ: the server's settings as they were given, secrets included."""
        self._services = services
        self._environ = environ
        self._pauses = (first_after_s, every_s)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._run: BackupRun | None = None
        self._thread = threading.Thread(target=self._work, name="backup", daemon=True)

    def start(self) -> None:
        if self._services.config.backup_location is not None:
            self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End a backup that is under way; the next one goes on with what was copied."""
        self._stopping.set()
        with self._lock:
            if self._run is not None:
                self._run.stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _work(self) -> None:
        pause_s, every_s = self._pauses
        while not self._stopping.wait(pause_s):
            pause_s = every_s
            try:
                self._do_what_is_due()
            except Exception:
                logger.exception("the backup could not be started; it is tried again")
            finally:
                release_connection()

    def _do_what_is_due(self) -> None:
        what = due(self._services.clock())
        if what is None:
            return
        with self._lock:
            if self._stopping.is_set():
                return
            self._run = BackupRun(what, self._environ)
        try:
            self._run.finish(self._services.clock)
        finally:
            with self._lock:
                self._run = None
