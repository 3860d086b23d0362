"""Spend a request's budgets, and tell the client where it stands.

Tricky bit: the global budget per address is spent first of all, so that wrong parameters, wrong
tokens and unknown methods cost something too. The method's own budgets come after the body, because
they are counted by account and by what the body says.
Spec: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-05
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pds.errors import AuthRequiredError
from pds.services.rate_limits import (
    BudgetSpentError,
    RateLimits,
    Spending,
    address_block,
    login_name,
    short_key,
)
from pds.web.request_log import ENVIRON_KEY, RequestInfo
from pds.xrpc.limits import ADMIN_FAILURES, GLOBAL_PER_ADDRESS
from pds.xrpc.method import Call, Limit, LimitKey

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BYPASS_HEADER = "HTTP_X_RATELIMIT_BYPASS"


class RateLimiting:
    """The limits as seen from HTTP; the counts are those of ``services.rate_limits``."""

    def __init__(self, rate_limits: RateLimits) -> None:
        self._limits = rate_limits

    def spend_address(self, environ: WSGIEnvironment, *limits: Limit) -> None:
        """Spend one point of each limit for the address that asks. Also for pages without XRPC.

        Raises:
            BudgetSpentError
        """
        info: RequestInfo = environ[ENVIRON_KEY]
        if self._is_free(environ, info):
            return
        block = address_block(info.client_ip)
        self._spend(info, [Spending(limit, block) for limit in limits])

    def spend_global(self, environ: WSGIEnvironment) -> None:
        """Spend one point of the budget that every XRPC request of an address shares."""
        self.spend_address(environ, GLOBAL_PER_ADDRESS)

    def spend_page(
        self,
        environ: WSGIEnvironment,
        limits: tuple[Limit, ...],
        *,
        member: str | None = None,
        **said: str,
    ) -> None:
        """Spend for a page what the XRPC method that does the same would: they share the budgets.

        member: the DID of who is signed in. said: those fields of the method's body that its
        budgets are counted by: ``identifier``, ``email``.

        Raises:
            BudgetSpentError
        """
        info: RequestInfo = environ[ENVIRON_KEY]
        if not self._is_free(environ, info):
            asker = _Asker(info.client_ip, member, said)
            self._spend(info, [Spending(limit, _KEYS[limit.key](asker)) for limit in limits])

    def spend_call(self, environ: WSGIEnvironment, call: Call, limits: tuple[Limit, ...]) -> None:
        """Spend a method's own limits, all of them together.

        Raises:
            BudgetSpentError
        """
        info: RequestInfo = environ[ENVIRON_KEY]
        if not limits or self._is_free(environ, info):
            return
        asker = _Asker(call.client_ip, call.caller.did, call.input)
        spendings = []
        for limit in limits:
            cost = 1 if limit.cost is None else limit.cost(call)
            if cost:  # what costs nothing is possible with a budget that is spent, too
                spendings.append(Spending(limit, _KEYS[limit.key](asker), cost))
        self._spend(info, spendings)

    @contextmanager
    def guessing_admin(self, environ: WSGIEnvironment) -> Iterator[None]:
        """Around a check of the admin password: wrong ones are counted, right ones are not.

        Raises:
            BudgetSpentError: there were too many wrong ones; this one was not looked at.
        """
        info: RequestInfo = environ[ENVIRON_KEY]
        if self._is_free(environ, info):
            yield
            return
        block = address_block(info.client_ip)
        failures = [Spending(limit, block) for limit in ADMIN_FAILURES]
        try:
            self._limits.check(failures)
        except BudgetSpentError as error:
            info.standing = error.standing
            raise
        try:
            yield
        except AuthRequiredError:
            self._limits.spend(failures)
            raise

    def _spend(self, info: RequestInfo, spendings: list[Spending]) -> None:
        """Spend them, and keep the tightest budget of the request for its headers."""
        try:
            standing = self._limits.spend(spendings)
        except BudgetSpentError as error:
            info.standing = error.standing
            raise
        if standing and (info.standing is None or standing.remaining < info.standing.remaining):
            info.standing = standing

    def _is_free(self, environ: WSGIEnvironment, info: RequestInfo) -> bool:
        if not self._limits.enabled:
            return True
        return self._limits.is_exempt(info.client_ip, environ.get(BYPASS_HEADER))


@dataclass(frozen=True, slots=True)
class _Asker:
    """Whom budgets may be counted for. said: the body, or as much of it as they go by."""

    client_ip: str
    member: str | None
    said: Mapping[str, Any]


# --- for whom a budget is counted -----------------------------------------------------------------


def _address(asker: _Asker) -> str:
    return address_block(asker.client_ip)


def _account(asker: _Asker) -> str:
    return asker.member or address_block(asker.client_ip)


def _login(asker: _Asker) -> str:
    return f"{login_name(asker.said['identifier'])} {_address(asker)}"


def _email(asker: _Asker) -> str:
    return short_key(asker.said["email"].strip().lower())


_KEYS: dict[LimitKey, Callable[[_Asker], str]] = {
    "ip": _address,
    "did": _account,
    "login": _login,
    "email": _email,
}
