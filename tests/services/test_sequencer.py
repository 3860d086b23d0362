"""The one order of events: nothing before its commit, nothing lost or twice at the seam."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.atproto.firehose_frames import IdentityEvent, decode_frame
from pds.errors import FutureCursorError
from pds.services.sequencer import Sequencer, Subscription
from pds.storage import database, events, migrate

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
HOUR_US = 3_600_000_000
START_US = 1_700_000_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _database(tmp_path: Path) -> Iterator[None]:
    database.open_database(tmp_path / "pds.sqlite")
    migrate.migrate()
    yield
    database.close_database()


def make_sequencer(clock: Clock, ring_bytes: int = 8_000_000) -> Sequencer:
    return Sequencer(clock, retention_us=72 * HOUR_US, ring_bytes=ring_bytes)


def append(sequencer: Sequencer, count: int = 1) -> None:
    for _ in range(count):
        with database.transaction():
            sequencer.append(DID, IdentityEvent(DID, f"a{sequencer.last_seq}.test"))


def seqs(frames: list[bytes]) -> list[int]:
    return [decode_frame(frame)[1]["seq"] for frame in frames]


def read_all(subscription: Subscription, timeout_s: float = 0) -> list[int]:
    found: list[int] = []
    while frames := subscription.wait_frames(timeout_s):
        found += seqs(frames)
    return found


def test_event_of_a_rolled_back_transaction_is_never_seen(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    subscription = sequencer.subscribe(0)

    def append_and_fail() -> None:
        with database.transaction():
            sequencer.append(DID, IdentityEvent(DID, None))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        append_and_fail()

    assert sequencer.last_seq == 0
    assert read_all(subscription) == []
    append(sequencer)
    assert read_all(subscription) == [1]


def test_nothing_is_delivered_before_the_commit(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    subscription = sequencer.subscribe(0)

    with database.transaction():
        sequencer.append(DID, IdentityEvent(DID, None))
        assert sequencer.last_seq == 0
        assert subscription.behind == 0

    assert read_all(subscription) == [1]


def test_without_cursor_only_later_events_come(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    append(sequencer, 3)
    subscription = sequencer.subscribe(None)
    append(sequencer, 2)
    assert read_all(subscription) == [4, 5]


def test_cursor_is_exclusive_and_zero_is_everything(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    append(sequencer, 5)
    assert read_all(sequencer.subscribe(0)) == [1, 2, 3, 4, 5]
    assert read_all(sequencer.subscribe(3)) == [4, 5]
    assert read_all(sequencer.subscribe(5)) == []
    assert read_all(sequencer.subscribe(-7)) == [1, 2, 3, 4, 5]


def test_cursor_beyond_the_newest_event_is_refused(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    append(sequencer, 2)
    with pytest.raises(FutureCursorError):
        sequencer.subscribe(3)


def test_a_small_ring_hands_over_to_the_table_and_back(clock: Clock) -> None:
    sequencer = make_sequencer(clock, ring_bytes=300)
    subscription = sequencer.subscribe(0)
    found: list[int] = []
    for count in (1, 30, 2, 100, 1):
        append(sequencer, count)
        found += read_all(subscription)
    assert found == list(range(1, 135))


def test_after_a_restart_the_table_serves_what_the_ring_had(clock: Clock) -> None:
    append(make_sequencer(clock), 4)
    again = make_sequencer(clock)
    assert again.last_seq == 4
    subscription = again.subscribe(1)
    append(again)
    assert read_all(subscription) == [2, 3, 4, 5]


def test_events_of_another_process_are_read_from_the_table(clock: Clock) -> None:
    ours, theirs = make_sequencer(clock), make_sequencer(clock)
    subscription = ours.subscribe(0)
    append(ours)
    append(theirs, 2)
    append(ours)
    assert read_all(subscription) == [1, 2, 3, 4]
    append(theirs)
    assert subscription.wait_frames(0) == []  # this look finds the number
    assert read_all(subscription) == [5]


def test_concurrent_writers_and_readers_see_one_unbroken_order(clock: Clock) -> None:
    sequencer = make_sequencer(clock, ring_bytes=2_000)
    total = 200
    results: list[list[int]] = []

    def read(cursor: int) -> None:
        subscription = sequencer.subscribe(cursor)
        found: list[int] = []
        while len(found) < total - cursor:
            found += seqs(subscription.wait_frames(5))
        results.append(found)
        subscription.close()

    def write() -> None:
        append(sequencer, total // 4)
        database.close_thread_connection()

    readers = [threading.Thread(target=read, args=(0,)) for _ in range(4)]
    writers = [threading.Thread(target=write) for _ in range(4)]
    for thread in [*readers, *writers]:
        thread.start()
    for thread in [*readers, *writers]:
        thread.join(30)
    assert results == [list(range(1, total + 1))] * 4


def test_pruning_keeps_the_retention_and_never_reuses_a_number(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    append(sequencer, 3)
    clock.now_us += 80 * HOUR_US
    append(sequencer, 2)

    assert sequencer.prune() == 3
    assert [seq for seq, _ in events.frames_between(0, 100, 1_000_000)] == [4, 5]

    clock.now_us += 80 * HOUR_US
    assert sequencer.prune() == 2
    assert sequencer.prune() == 0
    append(make_sequencer(clock))
    assert [seq for seq, _ in events.frames_between(0, 100, 1_000_000)] == [6]


def test_cursor_older_than_the_retention_is_told_so_first(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    append(sequencer, 3)
    clock.now_us += 80 * HOUR_US
    append(sequencer, 2)
    sequencer.prune()
    fresh = make_sequencer(clock)

    outdated = fresh.subscribe(1)
    assert [decode_frame(frame)[1]["name"] for frame in outdated.opening_frames] == [
        "OutdatedCursor"
    ]
    assert read_all(outdated) == [4, 5]
    assert fresh.subscribe(3).opening_frames == []


def test_negative_cursor_asks_for_everything(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    append(sequencer, 2)

    subscription = sequencer.subscribe(-5)

    assert subscription.opening_frames == []
    assert read_all(subscription) == [1, 2]


def test_becomes_live_once_it_has_caught_up(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    append(sequencer, 2)
    subscription = sequencer.subscribe(0)
    was_live, was_behind = subscription.is_live, subscription.behind
    read_all(subscription)
    assert (was_live, was_behind, subscription.is_live) == (False, 2, True)
    append(sequencer, 3)
    assert subscription.behind == 3


def test_stop_wakes_waiting_subscribers(clock: Clock) -> None:
    sequencer = make_sequencer(clock)
    subscription = sequencer.subscribe(None)
    threading.Timer(0.05, sequencer.stop).start()
    assert subscription.wait_frames(10) == []
    assert subscription.stopped
