"""The arithmetic of earned invite codes, as the reference's."""

from __future__ import annotations

import pytest

from pds.services.invite_allowance import MAX_UNUSED, InviteRules, RoutineCode

DAY = 86_400_000
JOINED = 100 * DAY
EPOCH = JOINED + int(2.5 * DAY)
OPEN = RoutineCode(JOINED + DAY, is_open=True)
SPENT = RoutineCode(JOINED + DAY, is_open=False)
OLD_SPENT = RoutineCode(JOINED + 1, is_open=False)
NEW_SPENT = RoutineCode(JOINED + 3 * DAY, is_open=False)


@pytest.mark.parametrize(
    ("days", "codes", "expected"),
    [
        (0.9, [], 0),
        (1, [], 1),
        (3.5, [], 3),
        (3.5, [OPEN], 2),
        (3.5, [SPENT, SPENT], 1),
        (3.5, [SPENT] * 4, 0),  # more than earned, say because the interval was shorter once
        (100, [], MAX_UNUSED),
        (100, [OPEN] * 3, 2),
        (100, [OPEN] * 6, 0),
        (100, [SPENT] * 98, 2),
    ],
)
def test_one_code_is_earned_each_interval(
    days: float, codes: list[RoutineCode], expected: int
) -> None:
    rules = InviteRules(interval_ms=DAY)

    assert rules.to_create(codes, JOINED, JOINED + int(days * DAY)) == expected


@pytest.mark.parametrize(
    ("epoch", "days", "codes", "expected"),
    [
        (JOINED - 50 * DAY, 3, [], 3),  # before the account was made: as if there were none
        (EPOCH, 2.9, [], 0),
        (EPOCH, 3, [], 1),
        (EPOCH, 6, [], 4),
        (EPOCH, 6, [OLD_SPENT] * 20, 4),
        (EPOCH, 6, [NEW_SPENT], 3),
        (EPOCH, 6, [OPEN] * 2, 3),  # old, but still to be handed out
    ],
)
def test_time_and_codes_before_the_epoch_do_not_count(
    epoch: int, days: float, codes: list[RoutineCode], expected: int
) -> None:
    rules = InviteRules(interval_ms=DAY, epoch_ms=epoch)

    assert rules.to_create(codes, JOINED, JOINED + int(days * DAY)) == expected


def test_without_an_interval_nobody_earns_codes() -> None:
    assert InviteRules().to_create([], 0, 10**15) == 0
