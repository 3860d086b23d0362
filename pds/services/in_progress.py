"""What this process is at work on, so that its own clean-up jobs leave that alone."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class InProgress:
    """A set of names of work under way. Other processes are not seen."""

    def __init__(self) -> None:
        self._names: set[Hashable] = set()
        self._lock = threading.Lock()

    @contextmanager
    def claim(self, name: Hashable) -> Iterator[bool]:
        """Hold the name for the block; False when somebody holds it already."""
        with self._lock:
            is_ours = name not in self._names
            self._names.add(name)
        try:
            yield is_ours
        finally:
            if is_ours:
                with self._lock:
                    self._names.discard(name)
