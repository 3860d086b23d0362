"""Waiting for a store that works, and not for one that is stuck."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pds.errors import NotEnoughResourcesError
from pds.storage import blob_turns
from pds.storage.blob_turns import Turns


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob_turns, "PATIENCE_S", 0.2)


@contextmanager
def busy(turns: Turns, count: int) -> Iterator[threading.Event]:
    """So many turns taken by other threads, until the event is set."""
    done = threading.Event()
    taken = threading.Semaphore(0)

    def run() -> None:
        with turns.take():
            taken.release()
            done.wait(5)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
        assert taken.acquire(timeout=5)
    try:
        yield done
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_some_at_once() -> None:
    turns = Turns(3)
    with busy(turns, 2), turns.take():
        pass


def test_stuck_ones_are_not_waited_for_twice() -> None:
    turns = Turns(2)
    with busy(turns, 2):
        with pytest.raises(NotEnoughResourcesError), turns.take():
            pass
        started = time.monotonic()

        with pytest.raises(NotEnoughResourcesError), turns.take():
            pass

        assert time.monotonic() - started < 0.1


def test_many_wait_as_long_as_the_others_get_on() -> None:
    turns = Turns(2)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with turns.take():
                time.sleep(0.05)
        except NotEnoughResourcesError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_failure_gives_its_turn_back() -> None:
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.take():
            raise ZeroDivisionError
    with turns.take():
        pass
