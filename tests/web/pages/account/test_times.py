"""Times as members read them."""

from __future__ import annotations

from pds.web.pages.account.times import Shown, shown_day, shown_time

MOMENT_US = 1_767_323_045_678_000


def test_moment_is_shown_to_the_minute_and_with_its_zone() -> None:
    assert shown_time(MOMENT_US) == Shown("2026-01-02T03:04:05Z", "2 January 2026, 03:04 UTC")


def test_day_is_shown_without_the_time() -> None:
    day = Shown("2026-01-02", "2 January 2026")

    assert shown_day(MOMENT_US) == day
    assert shown_day("2026-01-02T03:04:05.678Z") == day
    assert shown_day("2026-01-02T23:04:05-03:00") == Shown("2026-01-03", "3 January 2026")
