"""The pool: the warm thread first, nobody forgotten, all of them in the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pds.web.workers import WaitingWorkers, Workers


class Task:
    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self.done = threading.Event()
        self.thread = ""

    def service(self) -> None:
        self.thread = threading.current_thread().name
        self._work()
        self.done.set()

    def cancel(self) -> None: ...


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers()
    pool.set_thread_count(4)
    wait_idle(pool)
    yield pool
    pool.shutdown(timeout=5)
    assert not pool.threads


def wait_idle(pool: Workers) -> None:
    limit = time.monotonic() + 5
    while pool.active_count:
        assert time.monotonic() < limit
        time.sleep(0.001)


def run(pool: Workers, work: Callable[[], object] = lambda: None) -> Task:
    task = Task(work)
    pool.add_task(task)
    return task


def test_one_request_after_the_other_stays_on_one_thread(workers: Workers) -> None:
    names = set()
    for _ in range(20):
        task = run(workers)
        assert task.done.wait(5)
        wait_idle(workers)
        names.add(task.thread)
    assert len(names) == 1


def test_requests_at_the_same_time_use_all_threads(workers: Workers) -> None:
    together = threading.Barrier(4)
    tasks = [run(workers, lambda: together.wait(5)) for _ in range(4)]
    assert all(task.done.wait(5) for task in tasks)
    assert len({task.thread for task in tasks}) == 4


def test_more_requests_than_threads_all_run(workers: Workers) -> None:
    tasks = [run(workers, lambda: time.sleep(0.001)) for _ in range(100)]
    assert all(task.done.wait(10) for task in tasks)


def test_waiting_threads_are_started_when_all_others_wait() -> None:
    pool = WaitingWorkers(max_threads=3)
    go_on = threading.Event()
    try:
        for expected in (1, 2, 3, 3, 3):
            run(pool, lambda: go_on.wait(5))
            until = time.monotonic() + 5
            while pool.active_count < expected:
                assert time.monotonic() < until
                time.sleep(0.001)
            assert len(pool.threads) == expected
        go_on.set()
        wait_idle(pool)
        for _ in range(10):
            assert run(pool).done.wait(5)
            wait_idle(pool)
        assert len(pool.threads) == 3
    finally:
        go_on.set()
        pool.shutdown(timeout=5)
