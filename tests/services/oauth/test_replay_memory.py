from __future__ import annotations

import threading

import pytest

from pds.oauth_errors import TemporarilyUnavailableError
from pds.services.oauth.replay_memory import BUCKET_S, ReplayMemory

NOW = 1_790_000_000


def test_each_thing_is_new_once() -> None:
    memory = ReplayMemory()

    assert memory.add("key", "a", until=NOW + 200, now=NOW)
    assert not memory.add("key", "a", until=NOW + 400, now=NOW + 1)
    assert memory.add("key", "b", until=NOW + 200, now=NOW)
    assert memory.add("another key", "a", until=NOW + 200, now=NOW)
    assert len(memory) == 3


def test_owner_and_name_cannot_be_divided_in_another_way() -> None:
    memory = ReplayMemory()

    assert memory.add("ab", "c", until=NOW + 200, now=NOW)
    assert memory.add("a", "bc", until=NOW + 200, now=NOW)


def test_nothing_is_forgotten_before_its_time_and_all_soon_after() -> None:
    memory = ReplayMemory()
    until = NOW + 198
    memory.add("key", "a", until=until, now=NOW)

    assert not memory.add("key", "a", until=until, now=until)
    assert memory.add("key", "a", until=until + 198, now=until + BUCKET_S)
    assert len(memory) == 1


def test_full_memory_refuses_rather_than_forgets() -> None:
    memory = ReplayMemory(max_remembered=2)
    memory.add("key", "a", until=NOW + 100, now=NOW)
    memory.add("key", "b", until=NOW + 300, now=NOW)

    with pytest.raises(TemporarilyUnavailableError):
        memory.add("key", "c", until=NOW + 300, now=NOW)

    assert not memory.add("key", "a", until=NOW + 300, now=NOW)
    assert memory.add("key", "c", until=NOW + 300, now=NOW + 100 + BUCKET_S)


def test_names_that_no_text_can_hold_are_remembered_too() -> None:
    memory = ReplayMemory()

    assert memory.add("key", "\ud800", until=NOW + 100, now=NOW)
    assert not memory.add("key", "\ud800", until=NOW + 100, now=NOW)


def test_of_many_at_once_one_wins() -> None:
    memory = ReplayMemory()
    start = threading.Barrier(8)
    won: list[bool] = []

    def spend() -> None:
        start.wait()
        won.extend(memory.add("key", str(n), until=NOW + 100, now=NOW) for n in range(200))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(won), won.count(True), len(memory)) == (1_600, 200, 200)
