"""Long work on the database, cut into transactions so short that no other writer notices.

How many rows fit into a slice depends on the machine: a thousand are nothing to an SSD and half a
second to a memory card. So each slice is timed, and the next one made larger or smaller.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pds.storage import database

TARGET_S: Final = 0.01
FIRST_ROWS: Final = 10
FEWEST_ROWS: Final = 10
MOST_ROWS: Final = 1_000
_SHORTEST_REST_S: Final = 0.001


class StoppedError(Exception):
    """The server is stopping; what was done stays, the rest is done after the next start."""


class Slices:
    """Runs one piece of long work. ``is_stopping`` is asked before every slice."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping
        self._rows = FIRST_ROWS

    def run(self, work: Callable[[int], int]) -> int:
        """Call ``work(limit)``, each time in its own transaction, until it did less than ``limit``.

        work: does up to ``limit`` rows and returns how many.
        Returns how many rows it was in all.

        Raises:
            StoppedError
        """
        done = 0
        while True:
            if self._is_stopping():
                raise StoppedError
            limit = self._rows
            with database.transaction():
                began = time.perf_counter()
                count = work(limit)
            took_s = time.perf_counter() - began
            done += count
            if count < limit:
                return done
            self._rows = _next_size(limit, took_s)
            # The lock is not a queue: without a rest this thread would have it again before
            # another that waits for it has woken up.
            time.sleep(max(took_s, _SHORTEST_REST_S))


def _next_size(rows: int, took_s: float) -> int:
    if took_s > TARGET_S:
        return max(rows // 2, FEWEST_ROWS)
    if took_s < TARGET_S / 4:
        return min(rows * 2, MOST_ROWS)
    return rows
