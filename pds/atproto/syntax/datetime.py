"""Datetimes: the intersection of RFC 3339, ISO 8601 and WHATWG HTML.

Python's ``datetime`` knows no year 0000 and no leap second, so it takes no part in the checks.

Spec: https://atproto.com/specs/lexicon#datetime
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, timedelta
from datetime import datetime as python_datetime
from typing import Final

_DATETIME: Final = re.compile(
    r"(?=.{1,64}\Z)"
    r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])"
    r"T(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d):(?:[0-5]\d|60)(?:\.\d+)?"
    r"(?:Z|(?!-00:00)(?P<sign>[+-])(?P<off_hour>[01]\d|2[0-3]):(?P<off_minute>[0-5]\d))",
    re.ASCII,
)
_EPOCH: Final = python_datetime(1970, 1, 1, tzinfo=UTC)
_MINUTES_PER_DAY: Final = 24 * 60


class InvalidDatetimeError(ValueError):
    """Not a datetime in the syntax of the protocol, or no moment of years 0000 to 9999 UTC."""


class Datetime(str):
    """A datetime, kept as written so that records round-trip."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> Datetime:
        """Check the syntax and the calendar.

        Raises:
            InvalidDatetimeError: either is wrong.
        """
        if not is_datetime(raw):
            raise InvalidDatetimeError("not a datetime")
        return cls(raw)


def is_datetime(raw: str) -> bool:
    match = _DATETIME.fullmatch(raw)
    if match is None:
        return False
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    if day > 28 and day > _days_in_month(year, month):
        return False
    if match["sign"] is None or 0 < year < 9999:
        return True
    return _stays_in_range(match, year, month, day)


def datetime_us(raw: str) -> int:
    """A datetime's moment in microseconds since 1970.

    A leap second counts as the second before it, year 0000 as the year after it.

    Raises:
        InvalidDatetimeError
    """
    checked = Datetime.parse(raw)
    year = "0001" if checked.startswith("0000") else checked[:4]
    seconds = "59" if checked[17:19] == "60" else checked[17:19]
    moment = python_datetime.fromisoformat(f"{year}{checked[4:17]}{seconds}{checked[19:]}")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_datetime(us: int) -> str:
    """Microseconds since 1970 as ``YYYY-MM-DDTHH:MM:SS.mmmZ``, cut to milliseconds.

    Raises:
        OverflowError: the time lies outside of years 1 to 9999.
    """
    moment = _EPOCH + timedelta(microseconds=us)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _days_in_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if calendar.isleap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _stays_in_range(match: re.Match[str], year: int, month: int, day: int) -> bool:
    """Whether the moment, moved to UTC, stays within years 0000 to 9999."""
    offset = int(match["off_hour"]) * 60 + int(match["off_minute"])
    minutes = int(match["hour"]) * 60 + int(match["minute"])
    utc_minutes = minutes - offset if match["sign"] == "+" else minutes + offset
    if year == 0:
        return utc_minutes >= 0 or (month, day) > (1, 1)
    return utc_minutes < _MINUTES_PER_DAY or (month, day) < (12, 31)
