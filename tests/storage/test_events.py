"""The event log."""

from __future__ import annotations

import pytest

from pds.storage import events
from pds.storage.database import execute, transaction

pytestmark = pytest.mark.usefixtures("open_database")

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"


def append(count: int, size: int = 10) -> None:
    """Events of ``size`` bytes; each is 1,000 µs later than the one before."""
    for _ in range(count):
        with transaction():
            seq = events.last_seq() + 1
            events.append_event(seq, DID, "commit", seq * 1_000, bytes([seq % 256]) * size)


def numbers(after: int, last: int, max_bytes: int = 1_000_000) -> list[int]:
    found = events.frames_between(after, last, max_bytes)
    assert all(frame == bytes([seq % 256]) * len(frame) for seq, frame in found)
    return [seq for seq, _ in found]


def test_numbers_begin_at_1_and_rise_by_1() -> None:
    assert events.last_seq() == 0
    append(3)

    assert events.last_seq() == 3
    assert numbers(0, 3) == [1, 2, 3]


def test_range_excludes_its_start_and_includes_its_end() -> None:
    append(5)

    assert numbers(2, 4) == [3, 4]
    assert numbers(4, 4) == numbers(5, 100) == []


def test_reading_stops_once_the_bytes_are_reached() -> None:
    append(5, size=100)

    assert numbers(0, 5, 1) == [1]
    assert numbers(0, 5, 100) == [1]
    assert numbers(0, 5, 101) == [1, 2]
    assert numbers(2, 5, 10_000) == [3, 4, 5]


def test_number_of_a_rolled_back_event_is_given_again() -> None:
    append(1)

    def fail() -> None:
        with transaction():
            events.append_event(2, DID, "commit", 0, b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert events.last_seq() == 1
    append(1)
    assert numbers(0, 2) == [1, 2]


def test_number_is_never_given_again_once_its_row_is_gone() -> None:
    append(3)
    with transaction():
        execute("DELETE FROM event")

    assert events.last_seq() == 3
    append(1)
    assert numbers(0, 10) == [4]


def test_pruning_takes_the_oldest_in_slices() -> None:
    append(6)
    with transaction():
        assert events.prune_before(5, 3) == 3
    assert numbers(0, 6) == [4, 5, 6]
    with transaction():
        assert events.prune_before(5, 3) == 1
    with transaction():
        assert events.prune_before(5, 3) == 0
    assert numbers(0, 6) == [5, 6]


def test_first_event_since_a_time() -> None:
    assert events.first_seq_since(0) is None
    append(3)

    assert events.first_seq_since(0) == 1
    assert events.first_seq_since(2_000) == 2
    assert events.first_seq_since(2_001) == 3
    assert events.first_seq_since(3_001) is None
