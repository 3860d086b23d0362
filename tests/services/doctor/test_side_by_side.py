"""Asking about many things at once, for so long."""

from __future__ import annotations

import threading
import time

import pytest

from pds.services.doctor.side_by_side import AT_ONCE, side_by_side


def test_answers_come_in_the_order_of_what_was_asked_about() -> None:
    def wait(item: int) -> str:
        time.sleep(0.01 * (5 - item))
        return str(item)

    assert side_by_side(wait, range(5), 10.0) == [(item, str(item)) for item in range(5)]


def test_no_more_are_begun_once_the_time_is_over() -> None:
    begun: list[int] = []

    def wait(item: int) -> int:
        begun.append(item)
        time.sleep(0.2)
        return item

    started_s = time.monotonic()
    found = side_by_side(wait, range(100), 0.1)

    assert [item for item, _ in found] == list(range(AT_ONCE)) == sorted(begun)
    assert time.monotonic() - started_s < 2


def test_not_all_are_asked_about_at_once() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def count(_item: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    side_by_side(count, range(30), 10.0)

    assert 1 < most <= AT_ONCE


def test_a_failure_is_raised() -> None:
    def fail(_item: int) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        side_by_side(fail, [1], 10.0)
