"""Work that nobody waits for is done once more after it was last begun."""

from __future__ import annotations

import threading

import pytest

from pds.services.later import Later


def test_work_is_done_in_another_thread() -> None:
    done_in: list[threading.Thread] = []
    later = Later("test", lambda: done_in.append(threading.current_thread()))

    later.begin()
    later.wait()

    assert done_in != []
    assert threading.current_thread() not in done_in


def test_many_beginnings_while_it_runs_are_one() -> None:
    entered, go_on = threading.Semaphore(0), threading.Semaphore(0)
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        entered.release()
        assert go_on.acquire(timeout=5)

    later = Later("test", work)
    later.begin()
    assert entered.acquire(timeout=5)
    for _ in range(5):
        later.begin()
    go_on.release(10)
    later.wait()

    assert len(runs) == 2


def test_failure_is_logged_and_the_next_beginning_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        raise ZeroDivisionError

    later = Later("test", work)
    for _ in range(2):
        later.begin()
        later.wait()

    assert len(runs) == 2
    assert "work in the background failed: test" in caplog.text


def test_nothing_begins_after_the_end() -> None:
    runs: list[int] = []
    later = Later("test", lambda: runs.append(1))

    later.stop()
    later.begin()
    later.wait()

    assert runs == []
