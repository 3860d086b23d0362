"""Which snapshots stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pds.services.backup.retention import Keep, kept

FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)


def name_of(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H%M%S}.000Z"


def nightly(count: int) -> list[str]:
    return [name_of(FIRST + timedelta(days=day)) for day in range(count)]


def test_newest_of_each_of_the_last_days_weeks_and_months_stay() -> None:
    names = nightly(365)

    stay = sorted(kept(names, Keep(7, 4, 6)), reverse=True)

    assert stay[:7] == sorted(names, reverse=True)[:7]
    months = {name[:7] for name in stay}
    assert months == {"2026-07", "2026-08", "2026-09", "2026-10", "2026-11", "2026-12"}
    weeks = {datetime.fromisoformat(name[:10]).isocalendar()[:2] for name in stay}
    assert {(2026, 53), (2026, 52), (2026, 51), (2026, 50)} <= weeks
    assert len(stay) <= 7 + 4 + 6


def test_pruning_every_night_keeps_what_pruning_once_would() -> None:
    keep = Keep(7, 4, 6)
    left: set[str] = set()
    for name in nightly(200):
        left = kept([*left, name], keep)

    assert kept(nightly(200), keep) == left


def test_newest_stays_whatever_is_asked_for() -> None:
    assert kept(nightly(4), Keep(0, 0, 0)) == set(nightly(4)[-2:])
    assert kept([nightly(1)[0], nightly(9)[-1]], Keep(0, 0, 0)) == {nightly(9)[-1]}
    assert kept([], Keep(1, 1, 1)) == set()


def test_of_two_on_one_day_the_later_stays_when_two_days_have_passed() -> None:
    morning, evening = name_of(FIRST), name_of(FIRST + timedelta(hours=12))
    soon, later = (name_of(FIRST + timedelta(days=days)) for days in (1, 3))

    assert kept([morning, evening, soon], Keep(7, 0, 0)) == {morning, evening, soon}
    assert kept([morning, evening, later], Keep(7, 0, 0)) == {evening, later}
