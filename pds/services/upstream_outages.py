"""Say once that another service is down, and once that it is back; not with every call.

A busy server would otherwise write thousands of lines while the app view is down, and hide them
from whoever reads the log for something else.
"""

from __future__ import annotations

import logging
import threading

logger = logging.getLogger("pds.proxy")

MAX_REMEMBERED = 256


class Outages:
    """What has failed since it last answered, by address."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._failures)

    def failed(self, upstream: str, reason: str) -> None:
        """A call has failed."""
        with self._lock:
            count = self._failures.get(upstream, 0)
            if count == 0 and len(self._failures) >= MAX_REMEMBERED:
                self._failures.clear()
            self._failures[upstream] = count + 1
        if count == 0:
            logger.warning("%s is failing: %s", upstream, reason)

    def answered(self, upstream: str) -> None:
        """A call has succeeded."""
        if upstream not in self._failures:
            return
        with self._lock:
            count = self._failures.pop(upstream, 0)
        if count:
            logger.info("%s answers again, after %d failed calls", upstream, count)
