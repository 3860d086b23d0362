"""Budgets: spent together, full again after their window, lifted for whom the operator says."""

from __future__ import annotations

import ipaddress

import pytest

from pds.services.rate_limits import (
    BudgetSpentError,
    RateLimits,
    Spending,
    address_block,
    login_name,
)
from pds.xrpc.method import Limit
from tests.factories import START_US, StillClock

MINUTE = Limit("minute", 3, 60)
HOUR = Limit("hour", 5, 3_600)
START_S = START_US // 1_000_000


@pytest.fixture
def limits(clock: StillClock) -> RateLimits:
    return RateLimits(clock, enabled=True)


def test_budget_is_spent_and_full_again_when_its_window_is_over(
    limits: RateLimits, clock: StillClock
) -> None:
    left = []
    for _ in range(3):
        standing = limits.spend([Spending(MINUTE, "alice")])
        assert standing is not None
        left.append(standing.remaining)
        clock.advance(0.5)
    assert left == [2, 1, 0]

    with pytest.raises(BudgetSpentError, match="try again in 59 seconds") as refused:
        limits.spend([Spending(MINUTE, "alice")])
    standing = refused.value.standing
    assert (standing.points, standing.window_s, standing.remaining) == (3, 60, 0)
    assert (standing.reset_s, standing.retry_after_s) == (START_S + 60, 59)

    limits.spend([Spending(MINUTE, "bob")])
    clock.advance(standing.retry_after_s)
    assert limits.spend([Spending(MINUTE, "alice")])


def test_tightest_budget_is_the_one_reported(limits: RateLimits) -> None:
    standing = limits.spend([Spending(HOUR, "alice", cost=1), Spending(MINUTE, "alice")])

    assert standing is not None
    assert (standing.points, standing.remaining) == (3, 2)
    assert limits.spend([]) is None


def test_all_are_spent_although_one_does_not_suffice(limits: RateLimits) -> None:
    with pytest.raises(BudgetSpentError) as refused:
        limits.spend([Spending(MINUTE, "alice", cost=4), Spending(HOUR, "alice", cost=4)])
    assert refused.value.standing.points == 3
    standing = limits.spend([Spending(HOUR, "alice")])

    assert standing is not None
    assert standing.remaining == 0


def test_of_two_spent_budgets_the_longer_wait_is_told(limits: RateLimits) -> None:
    with pytest.raises(BudgetSpentError) as refused:
        limits.spend([Spending(MINUTE, "alice", cost=9), Spending(HOUR, "alice", cost=9)])

    assert refused.value.standing.retry_after_s == 3_600


def test_looking_costs_nothing(limits: RateLimits) -> None:
    for _ in range(5):
        limits.check([Spending(MINUTE, "alice")])
    limits.spend([Spending(MINUTE, "alice", cost=3)])

    with pytest.raises(BudgetSpentError):
        limits.check([Spending(MINUTE, "alice")])


def test_operator_lifts_limits_by_key_and_by_range(clock: StillClock) -> None:
    networks = [ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")]
    limits = RateLimits(clock, enabled=True, bypass_key="geheim", bypass_networks=networks)

    assert limits.is_exempt("192.0.2.77", None)
    assert limits.is_exempt("2001:db8:1::5", None)
    assert limits.is_exempt("198.51.100.1", "geheim")
    assert not limits.is_exempt("198.51.100.1", "gehe")
    assert not limits.is_exempt("198.51.100.1", "géheim")
    assert not limits.is_exempt("not an address", None)


def test_without_a_key_no_header_lifts_limits(limits: RateLimits) -> None:
    assert not limits.is_exempt("127.0.0.1", "")
    assert not limits.is_exempt("127.0.0.1", "anything")


def test_a_household_of_ipv6_addresses_is_one_caller() -> None:
    assert address_block("2001:db8:0:1:aaaa::1") == address_block("2001:db8:0:1:bbbb::2")
    assert address_block("2001:db8:0:1::1") != address_block("2001:db8:0:2::1")
    assert address_block("192.0.2.1") == "192.0.2.1"
    assert address_block("unix socket") == "unix socket"


def test_spellings_of_a_login_name_are_one() -> None:
    assert login_name(" @Alice.TEST ") == login_name("alice.test") == "alice.test"
    assert len(login_name("x" * 100_000)) == 300
