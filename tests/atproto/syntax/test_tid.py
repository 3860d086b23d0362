"""TIDs: known values, order, and the next one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.syntax.tid import MAX_CLOCK_ID, MAX_US, InvalidTidError, Tid, is_tid, next_tid

times = st.integers(0, MAX_US)
clock_ids = st.integers(0, MAX_CLOCK_ID)


@pytest.mark.parametrize(
    ("us", "clock_id", "text"),
    [
        (0, 0, "2222222222222"),
        (1, 0, "2222222222322"),
        (0, 1023, "22222222222zz"),
        (1700000000000000, 5, "3ke6kg3wk2227"),
        (1688137381887007, 6, "3jzfcijpj2z2a"),
        (1723607526857649, 0, "3kznmn7xqxl22"),
        (MAX_US, MAX_CLOCK_ID, "bzzzzzzzzzzzz"),
    ],
)
def test_known_times_have_their_known_tids(us: int, clock_id: int, text: str) -> None:
    tid = Tid.parse(text)

    assert Tid.from_us(us, clock_id) == text
    assert (tid.us, tid.clock_id) == (us, clock_id)


@settings(deadline=None, max_examples=100)
@given(times, clock_ids, times, clock_ids)
def test_tids_sort_like_their_times(us: int, clock_id: int, other: int, other_id: int) -> None:
    first, second = Tid.from_us(us, clock_id), Tid.from_us(other, other_id)

    assert is_tid(first)
    assert (first.us, first.clock_id) == (us, clock_id)
    assert (first < second) is ((us, clock_id) < (other, other_id))


@pytest.mark.parametrize(("us", "clock_id"), [(-1, 0), (MAX_US + 1, 0), (0, -1), (0, 1024)])
def test_times_and_clock_ids_out_of_range_are_refused(us: int, clock_id: int) -> None:
    with pytest.raises(InvalidTidError):
        Tid.from_us(us, clock_id)


@pytest.mark.parametrize(
    ("now_us", "after", "expected_us"),
    [
        (1000, None, 1000),
        (1000, Tid.from_us(999, 1023), 1000),
        (1000, Tid.from_us(1000, 0), 1001),
        (1000, Tid.from_us(5000, 1023), 5001),
    ],
)
def test_the_next_tid_is_now_or_just_past_the_last(
    now_us: int, after: str | None, expected_us: int
) -> None:
    tid = next_tid(now_us, 7, after)

    assert (tid.us, tid.clock_id) == (expected_us, 7)
    assert after is None or tid > after


@pytest.mark.parametrize("after", ["", "not a tid", "bzzzzzzzzzzzz", "jzzzzzzzzzzzz"])
def test_no_tid_follows_garbage_or_the_last_one(after: str) -> None:
    with pytest.raises(InvalidTidError):
        next_tid(1000, 0, after)


def test_overflowing_first_digits_stay_readable() -> None:
    assert Tid.parse("jzzzzzzzzzzzz").us == (1 << 64) - 1 >> 10
