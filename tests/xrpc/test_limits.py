"""Budgets: the reference's figures, shared where they must be."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pds.xrpc import limits
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Call, Limit

CALL = cast("Call", None)


def figures(budgets: tuple[Limit, ...]) -> list[tuple[Any, ...]]:
    return [(limit.points, limit.window_s, limit.key) for limit in budgets]


def test_every_method_that_changes_records_spends_one_budget() -> None:
    costs = [limits.create_cost, limits.update_cost, limits.delete_cost]
    budgets = [limits.repo_write_limits(cost) for cost in costs]

    assert {tuple(limit.name for limit in pair) for pair in budgets} == {
        ("repo-write-hour", "repo-write-day")
    }
    assert figures(budgets[0]) == [(5_000, 3_600, "did"), (35_000, 86_400, "did")]
    spent = [[limit.cost(CALL) for limit in pair if limit.cost] for pair in budgets]
    assert spent == [[3, 3], [2, 2], [1, 1]]


def test_guessing_passwords_is_limited_by_name_by_address_and_by_both() -> None:
    assert figures(limits.CREATE_SESSION) == [
        (300, 86_400, "login"),
        (30, 300, "login"),
        (300, 300, "ip"),
        (300, 3_600, "login_from_anywhere"),
    ]


@pytest.mark.parametrize(
    ("nsid", "expected"),
    [
        ("com.atproto.server.createSession", limits.CREATE_SESSION),
        ("com.atproto.server.createAccount", limits.CREATE_ACCOUNT),
    ],
)
def test_methods_declare_their_budgets(nsid: str, expected: tuple[Limit, ...]) -> None:
    assert load_methods()[nsid].limits == expected


def test_no_two_budgets_of_different_size_share_a_name() -> None:
    known: dict[str, tuple[int, int, str]] = {}
    for method in load_methods().values():
        for limit in method.limits:
            size = (limit.points, limit.window_s, limit.key)
            assert known.setdefault(limit.name, size) == size
