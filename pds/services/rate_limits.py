"""How often something may be asked for: budgets, spent key by key, in fixed windows.

A window begins with the first hit of a key. Counts live in memory: a restart forgives everything,
which costs an attacker nothing he could not have had by waiting, and no request a disk write.

Terms
- budget: what ``xrpc/limits.py`` declares: ``points`` per ``window_s`` for one key.
- key: whom it is counted for: an address block, an account, a login name.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from limits.limits import RateLimitItem, RateLimitItemPerSecond
from limits.strategies import FixedWindowRateLimiter

from pds.errors import RateLimitExceededError
from pds.services.clock import Clock
from pds.services.rate_counters import Counters
from pds.settings import Network

_SECOND_US = 1_000_000
IPV6_PREFIX = 64  # what a household or a rented machine gets; single addresses cost nothing
CACHED_ADDRESSES = 4_096
MAX_KEY_CHARS = 300


class Budget(Protocol):
    """At most ``points`` per ``window_s`` seconds; budgets of one ``name`` are the same one."""

    @property
    def name(self) -> str: ...
    @property
    def points(self) -> int: ...
    @property
    def window_s(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Spending:
    """``cost`` points of ``budget`` for ``key``."""

    budget: Budget
    key: str
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a budget. reset_s: Unix time; retry_after_s: seconds until then; both up."""

    points: int
    window_s: int
    remaining: int
    reset_s: int
    retry_after_s: int


class BudgetSpentError(RateLimitExceededError):
    """More was asked for than the budget holds; ``standing`` says when it is full again."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(f"Rate limit exceeded, try again in {standing.retry_after_s} seconds")
        self.standing = standing
        self.retry_after = str(standing.retry_after_s)


class _Item(RateLimitItemPerSecond):
    """The library's description of a budget, whose counts are not shared with any other."""

    def key_for(self, *identifiers: bytes | str | float) -> str:
        return str(identifiers[0])


class _Window:
    """One budget: the library's strategy over a store of its own."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._clock = clock
        self._item: RateLimitItem = _Item(budget.points, budget.window_s, budget.name)
        self._window_s = budget.window_s
        self._strategy = FixedWindowRateLimiter(Counters(clock))

    def spend(self, key: str, cost: int) -> tuple[bool, Standing]:
        """Whether it was enough, and what is left."""
        return self._strategy.hit(self._item, key, cost=cost), self.look(key)

    def has_room(self, key: str) -> bool:
        return self._strategy.test(self._item, key)

    def look(self, key: str) -> Standing:
        reset_s, remaining = self._strategy.get_window_stats(self._item, key)
        reset_us = round(reset_s * _SECOND_US)
        return Standing(
            self._item.amount,
            self._window_s,
            remaining,
            -(-reset_us // _SECOND_US),
            max(1, -((self._clock() - reset_us) // _SECOND_US)),
        )


class RateLimits:
    """Spends budgets. ``enabled`` and ``is_exempt`` are for the caller to heed."""

    def __init__(
        self,
        clock: Clock,
        *,
        enabled: bool,
        bypass_key: str | None = None,
        bypass_networks: Sequence[Network] = (),
    ) -> None:
        self.enabled = enabled
        self._clock = clock
        self._bypass_key = (bypass_key or "").encode("utf-8")
        self._bypass_networks = tuple(bypass_networks)
        self._windows: dict[str, _Window] = {}
        self._is_exempt_address = lru_cache(CACHED_ADDRESSES)(self._in_bypass_networks)

    def is_exempt(self, address: str, bypass_key: str | None) -> bool:
        """Whether the operator lets this caller do as it likes, by its address or by a key."""
        if self._bypass_networks and self._is_exempt_address(address):
            return True
        if not self._bypass_key or not bypass_key:
            return False
        return hmac.compare_digest(bypass_key.encode("utf-8"), self._bypass_key)

    def spend(self, spendings: Iterable[Spending]) -> Standing | None:
        """Spend all of them together; what is left of the one with the least.

        Raises:
            BudgetSpentError: one did not suffice; the others are spent all the same.
        """
        least: Standing | None = None
        refused: Standing | None = None
        for wanted in spendings:
            enough, standing = self._window(wanted.budget).spend(wanted.key, wanted.cost)
            if not enough and (refused is None or standing.reset_s > refused.reset_s):
                refused = standing
            if least is None or standing.remaining < least.remaining:
                least = standing
        if refused is not None:
            raise BudgetSpentError(refused)
        return least

    def check(self, spendings: Iterable[Spending]) -> None:
        """Raises BudgetSpentError when nothing is left of one of them; spends nothing."""
        for wanted in spendings:
            window = self._window(wanted.budget)
            if not window.has_room(wanted.key):
                raise BudgetSpentError(window.look(wanted.key))

    def _window(self, budget: Budget) -> _Window:
        window = self._windows.get(budget.name)
        if window is None:
            window = self._windows.setdefault(budget.name, _Window(budget, self._clock))
        return window

    def _in_bypass_networks(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(
            parsed in network
            for network in self._bypass_networks
            if network.version == parsed.version
        )


def login_name(identifier: str) -> str:
    """As ``Sessions.login`` reads it, so that another spelling is not another budget."""
    return short_key(identifier.strip().lower().removeprefix("@"))


def short_key(text: str) -> str:
    """What a stranger wrote, cut where no name that exists goes on."""
    return text[:MAX_KEY_CHARS]


@lru_cache(CACHED_ADDRESSES)
def address_block(address: str) -> str:
    """What one caller can be assumed to have: an IPv4 address, or a /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
