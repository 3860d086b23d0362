"""Ask about many things at once, but not about too many, and not for too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from pds.storage.database import close_thread_connection

AT_ONCE: Final = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], within_s: float
) -> list[tuple[Item, Result]]:
    """Those that were asked about, with what ``work`` says of each, in their order.

    within_s: afterwards no more are begun. The first exception is raised.
    """
    until_s = time.monotonic() + within_s

    def run(item: Item) -> list[tuple[Item, Result]]:
        if time.monotonic() > until_s:
            return []
        try:
            return [(item, work(item))]
        finally:
            close_thread_connection()

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
        return [answer for answers in pool.map(run, items) for answer in answers]
