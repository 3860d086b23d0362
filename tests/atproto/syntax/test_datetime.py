"""Datetimes: the calendar, the edges of the years, the written form."""

from __future__ import annotations

from datetime import datetime as python_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.syntax.datetime import format_datetime, is_datetime

LAST_US = 253402300799_999_999  # the end of year 9999


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.000Z"),
        (999_999, "1970-01-01T00:00:00.999Z"),
        (1688137381887007, "2023-06-30T15:03:01.887Z"),
        (-62135596800_000_000, "0001-01-01T00:00:00.000Z"),
        (LAST_US, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_written_in_milliseconds(us: int, text: str) -> None:
    assert format_datetime(us) == text


@settings(deadline=None, max_examples=60)
@given(st.integers(-62135596800_000_000, LAST_US))
def test_written_times_are_valid_and_the_same_moment(us: int) -> None:
    text = format_datetime(us)

    assert is_datetime(text)
    moment = python_datetime.fromisoformat(text)
    assert format_datetime(us // 1000 * 1000) == text
    assert moment.microsecond == us % 1_000_000 // 1000 * 1000


def test_times_that_no_date_holds_are_refused() -> None:
    with pytest.raises(OverflowError):
        format_datetime(LAST_US + 1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T00:00:00Z",
        "2000-02-29T00:00:00Z",
        "0000-02-29T00:00:00Z",
        "2023-02-28T00:00:00Z",
        "2023-04-30T00:00:00Z",
        "2023-12-31T00:00:00Z",
        "2016-12-31T23:59:60Z",
        "2023-01-01T00:00:00+00:00",
        "2023-01-01T00:00:00.123456789012Z",
        "0000-01-01T00:00:00Z",
        "0000-01-01T01:00:00+01:00",
        "0000-01-01T00:00:00-23:59",
        "0000-01-02T00:00:00+01:00",
        "0000-02-01T00:00:00+01:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59Z",
        "9999-12-31T22:59:59-01:00",
        "9999-12-31T23:59:59+01:00",
        "9999-12-30T23:59:59-01:00",
        "9998-12-31T23:59:59-23:59",
    ],
)
def test_the_calendar_and_its_edges_pass(text: str) -> None:
    assert is_datetime(text)


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "2023-01-01T00:00:00-00:00",
        "2023-01-01T24:00:00Z",
        "2023-01-01T00:00:61Z",
        "2023-01-01T00:00:00+24:00",
        "２023-01-01T00:00:00Z",
        "2023-01-01T00:00:00." + "0" * 60 + "Z",
        "0000-01-01T00:59:00+01:00",
        "9999-12-31T23:00:00-01:00",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_days_and_moments_that_do_not_exist_are_refused(text: str) -> None:
    assert not is_datetime(text)
