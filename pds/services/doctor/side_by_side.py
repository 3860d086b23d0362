"""Ask about many things at once, but not about too many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from pds.storage.database import close_thread_connection

AT_ONCE: Final = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What ``work`` says of each, in their order. The first exception is raised."""

    def run(item: Item) -> Result:
        try:
            return work(item)
        finally:
            close_thread_connection()

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
        return list(pool.map(run, items))
