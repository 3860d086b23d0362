"""Counts of one budget: windows by our clock, and a bound that cannot be turned to advantage."""

from __future__ import annotations

from pds.services.rate_counters import Counters
from tests.factories import START_US, StillClock


def test_window_begins_with_the_first_hit_and_ends_for_good(clock: StillClock) -> None:
    counters = Counters(clock)

    assert counters.incr("a", 60) == 1
    clock.advance(59)
    assert counters.incr("a", 60, amount=3) == 4
    assert counters.get_expiry("a") == START_US / 1_000_000 + 60
    clock.advance(1)
    assert counters.get("a") == 0
    assert counters.incr("a", 60) == 1
    assert counters.get_expiry("a") == clock() / 1_000_000 + 60


def test_keys_do_not_share_counts(clock: StillClock) -> None:
    counters = Counters(clock)
    counters.incr("a", 60, amount=5)

    assert (counters.get("a"), counters.get("b"), len(counters)) == (5, 0, 1)
    assert counters.get_expiry("b") == clock() / 1_000_000


def test_a_full_store_forgets_who_spent_least(clock: StillClock) -> None:
    counters = Counters(clock, max_keys=100)
    for name in ("guesser", "other guesser"):
        counters.incr(name, 3_600, amount=30)
    for number in range(10_000):
        counters.incr(f"stranger {number}", 3_600)

    assert len(counters) <= 100
    assert (counters.get("guesser"), counters.get("other guesser")) == (30, 30)
    assert counters.get("stranger 9999") == 1


def test_what_has_lapsed_makes_room_first(clock: StillClock) -> None:
    counters = Counters(clock, max_keys=100)
    for number in range(60):
        counters.incr(f"old {number}", 60, amount=50)
    for number in range(40):
        counters.incr(f"new {number}", 3_600)
    clock.advance(61)
    counters.incr("one more", 3_600)

    assert len(counters) == 41
    assert all(counters.get(f"new {number}") == 1 for number in range(40))


def test_counts_can_be_cleared(clock: StillClock) -> None:
    counters = Counters(clock)
    counters.incr("a", 60)
    counters.incr("b", 60)
    counters.clear("a")
    counters.clear("never seen")

    assert (counters.get("a"), counters.get("b")) == (0, 1)
    assert (counters.reset(), len(counters)) == (1, 0)
    assert counters.check()
