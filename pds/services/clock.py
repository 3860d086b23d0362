"""Time, as an argument: services take a Clock so that tests can hold it still."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns Unix time in microseconds."""


def system_clock() -> int:
    return time.time_ns() // 1000
