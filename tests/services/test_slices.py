"""Long work in short transactions: sized by how long they take, and stopped between them."""

from __future__ import annotations

import threading
import time

import pytest

from pds.services.slices import FEWEST_ROWS, FIRST_ROWS, MOST_ROWS, Slices, StoppedError
from pds.storage import database
from pds.storage.server_state import find_value, save_value

pytestmark = pytest.mark.usefixtures("open_database")


class Work:
    """``total`` rows to do; remembers how large the slices were."""

    def __init__(self, total: int) -> None:
        self.left = total
        self.limits: list[int] = []

    def __call__(self, limit: int) -> int:
        self.limits.append(limit)
        count = min(limit, self.left)
        self.left -= count
        save_value("left", str(self.left))  # fails outside of a transaction's lock
        return count


class Stopwatch:
    """Lets every slice take ``took_s``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, took_s: float) -> None:
        self.now_s = 0.0
        self.took_s = took_s
        monkeypatch.setattr(time, "perf_counter", self)
        monkeypatch.setattr(time, "sleep", lambda _: None)

    def __call__(self) -> float:
        self.now_s += self.took_s
        return self.now_s


def test_everything_is_done_and_counted() -> None:
    work = Work(173)

    assert Slices(lambda: False).run(work) == 173
    assert work.left == 0
    assert find_value("left") == "0"


def test_slices_grow_where_they_are_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    Stopwatch(monkeypatch, 0.0001)
    work = Work(10_000)
    Slices(lambda: False).run(work)

    assert work.limits[:3] == [FIRST_ROWS, 2 * FIRST_ROWS, 4 * FIRST_ROWS]
    assert max(work.limits) == MOST_ROWS


def test_slices_shrink_where_they_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Stopwatch(monkeypatch, 0.0001)
    slices = Slices(lambda: False)
    slices.run(Work(500))
    watch.took_s = 0.5
    work = Work(5_000)
    slices.run(work)

    assert work.limits[:2] == [work.limits[0], work.limits[0] // 2]
    assert work.limits[-1] == FEWEST_ROWS < work.limits[0]


def test_stops_between_two_slices() -> None:
    work = Work(1_000)

    with pytest.raises(StoppedError):
        Slices(lambda: len(work.limits) == 2).run(work)
    assert work.left == 1_000 - sum(work.limits)
    assert find_value("left") == str(work.left)


def test_another_writer_gets_its_turn() -> None:
    """The lock is not fair by itself: without a rest the other one waits for the very end."""
    work = Work(20_000)
    left_at_its_turn: list[int] = []

    def write() -> None:
        while work.left == 20_000:
            time.sleep(0)
        with database.transaction():
            left_at_its_turn.append(work.left)
        database.close_thread_connection()

    other = threading.Thread(target=write)
    other.start()
    Slices(lambda: False).run(work)
    other.join()

    assert left_at_its_turn[0] > 0
