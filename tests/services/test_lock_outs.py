"""Wrong attempts: what they cost, whom they concern, and that nothing of it grows for ever."""

from __future__ import annotations

import pytest

from pds.services.lock_outs import (
    ADDRESS,
    FORGOTTEN_AFTER_S,
    NAME_ANYWHERE,
    NAME_AT_ADDRESS,
    Attempt,
    LockedOutError,
    LockOuts,
    Patience,
    in_words,
)
from tests.factories import StillClock

HOME, AWAY = "192.0.2.1", "198.51.100.9"


@pytest.fixture
def lock_outs(clock: StillClock) -> LockOuts:
    return LockOuts(clock)


def guess(lock_outs: LockOuts, name: str = "alice.test", block: str = HOME) -> Attempt:
    return lock_outs.begin(name, block, is_known=False)


def wait_of(lock_outs: LockOuts, name: str = "alice.test", block: str = HOME) -> int:
    """How long it has to wait; 0 when it need not, and then the attempt is taken back."""
    try:
        lock_outs.take_back(guess(lock_outs, name, block))
    except LockedOutError as error:
        return error.wait_s
    return 0


def test_waits_grow_from_a_minute_to_an_hour(lock_outs: LockOuts, clock: StillClock) -> None:
    for _ in range(10):
        guess(lock_outs)
    waits = []
    for _ in range(8):
        wait_s = wait_of(lock_outs)
        clock.advance(wait_s - 1)
        assert wait_of(lock_outs) == 1
        clock.advance(1)
        guess(lock_outs)
        waits.append(wait_s // 60)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("patience", "longest_s"), [(NAME_AT_ADDRESS, 3_600), (ADDRESS, 900), (NAME_ANYWHERE, 600)]
)
def test_wait_never_exceeds_its_bound(patience: Patience, longest_s: int) -> None:
    waits = [patience.wait_s(wrong) for wrong in range(10_000)]

    assert max(waits) == longest_s
    assert waits == sorted(waits)


def test_refused_attempt_makes_nothing_longer(lock_outs: LockOuts, clock: StillClock) -> None:
    for _ in range(10):
        guess(lock_outs)
    for _ in range(5):
        clock.advance(10)
        assert wait_of(lock_outs) > 0
    clock.advance(10)

    assert wait_of(lock_outs) == 0


def test_other_names_and_other_addresses_do_not_wait(lock_outs: LockOuts) -> None:
    for _ in range(10):
        guess(lock_outs)

    assert wait_of(lock_outs) == 60
    assert wait_of(lock_outs, "bob.test") == 0
    assert wait_of(lock_outs, block=AWAY) == 0


def test_success_clears_the_name_at_its_address_only(lock_outs: LockOuts) -> None:
    for _ in range(9):
        guess(lock_outs)
        guess(lock_outs, block=AWAY)
    lock_outs.succeed(guess(lock_outs))
    guess(lock_outs, block=AWAY)

    assert wait_of(lock_outs) == 0
    assert wait_of(lock_outs, block=AWAY) == 60


def test_one_password_tried_on_many_names_waits(lock_outs: LockOuts, clock: StillClock) -> None:
    for number in range(50):
        guess(lock_outs, f"user{number}.test")
    assert wait_of(lock_outs, "another.test") == 60
    assert wait_of(lock_outs, "another.test", AWAY) == 0
    lock_outs.begin("alice.test", HOME, is_known=True)  # a member who shares the address

    clock.advance(60)
    lock_outs.succeed(guess(lock_outs, "mallory.test"))  # an account of one's own changes nothing
    guess(lock_outs, "another.test")
    assert wait_of(lock_outs, "third.test") == 120


def test_many_addresses_guessing_one_name_wait(lock_outs: LockOuts) -> None:
    for number in range(100):
        guess(lock_outs, block=f"203.0.113.{number}")

    assert wait_of(lock_outs, block=AWAY) == 60
    assert wait_of(lock_outs, "bob.test", AWAY) == 0
    lock_outs.begin("alice.test", HOME, is_known=True)


def test_unknown_addresses_are_not_one_address(lock_outs: LockOuts) -> None:
    for number in range(60):
        guess(lock_outs, f"user{number}.test", "")

    assert wait_of(lock_outs, "alice.test", "") == 0


def test_known_address_has_its_own_bound_all_the_same(lock_outs: LockOuts) -> None:
    for _ in range(10):
        lock_outs.begin("alice.test", HOME, is_known=True)

    with pytest.raises(LockedOutError, match=r"^Too many wrong passwords. Try again in a minute.$"):
        lock_outs.begin("alice.test", HOME, is_known=True)


def test_attempts_at_the_same_time_are_all_counted(lock_outs: LockOuts) -> None:
    """Ten are being looked at; the eleventh does not get to find out."""
    going_on = [guess(lock_outs) for _ in range(10)]
    assert wait_of(lock_outs) == 60
    for attempt in going_on:
        lock_outs.take_back(attempt)

    assert wait_of(lock_outs) == 0


def test_attempt_taken_back_leaves_the_wait_as_it_was(
    lock_outs: LockOuts, clock: StillClock
) -> None:
    for _ in range(10):
        guess(lock_outs)
    clock.advance(60)
    lock_outs.take_back(guess(lock_outs))

    assert wait_of(lock_outs) == 0


def test_a_quiet_day_forgets(lock_outs: LockOuts, clock: StillClock) -> None:
    for _ in range(10):
        guess(lock_outs)
    clock.advance(FORGOTTEN_AFTER_S)
    for _ in range(9):
        guess(lock_outs)

    assert wait_of(lock_outs) == 0


def test_counts_are_bounded_and_guessers_are_forgotten_last(clock: StillClock) -> None:
    lock_outs = LockOuts(clock, max_keys=40)
    for _ in range(10):
        guess(lock_outs)
    for number in range(200):
        guess(lock_outs, f"user{number}.test", f"2001:db8:0:{number:x}::/64")

    assert wait_of(lock_outs) == 60
    assert max(len(bound) for bound in lock_outs.bounds) <= 40


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "a minute"),
        (60, "a minute"),
        (61, "2 minutes"),
        (3_540, "59 minutes"),
        (3_600, "an hour"),
    ],
)
def test_waits_are_told_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words
