"""How many requests may wait for a remote store at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pds.errors import NotEnoughResourcesError

PATIENCE_S: Final = 1.0


class Turns:
    """At most so many at once. Others wait as long as those get on, and not when they are stuck.

    Every request that waits holds a thread, and there are few. A store that works, works in
    milliseconds; so once none of the ``limit`` has ended for ``PATIENCE_S``, the rest are refused.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._moved_at = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Have a turn.

        Raises:
            NotEnoughResourcesError: the others are stuck.
        """
        with self._changed:
            while self._taken >= self._limit:
                left_s = self._moved_at + PATIENCE_S - time.monotonic()
                if left_s <= 0:
                    message = "Pictures and videos cannot be reached at the moment"
                    raise NotEnoughResourcesError(message)
                self._changed.wait(left_s)
            if self._taken == self._limit - 1:  # from now on others wait
                self._moved_at = time.monotonic()
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._moved_at = time.monotonic()
                self._changed.notify()
