"""Spend a request's budgets, and tell the client where it stands.

Tricky bit: the global budget per address is spent first of all, so that wrong parameters, wrong
tokens and unknown methods cost something too. The method's own budgets come after the body, because
they are counted by account and by what the body says.
Spec: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-05
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
from pds.xrpc.method import Call, Limit

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

    def spend_call(self, environ: WSGIEnvironment, call: Call, limits: tuple[Limit, ...]) -> None:
        """Spend a method's own limits, all of them together.

        Raises:
            BudgetSpentError
        """
        info: RequestInfo = environ[ENVIRON_KEY]
        if not limits or self._is_free(environ, info):
            return
        spendings = [
            Spending(limit, key, 1 if limit.cost is None else limit.cost(call))
            for limit in limits
            if (key := _KEYS[limit.key](call)) is not None
        ]
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


# --- for whom a budget is counted; None: not for this call ----------------------------------------


def _address(call: Call) -> str:
    return address_block(call.client_ip)


def _account(call: Call) -> str:
    return call.caller.did or address_block(call.client_ip)


def _login(call: Call) -> str:
    return f"{login_name(call.input['identifier'])} {_address(call)}"


def _login_from_anywhere(call: Call) -> str | None:
    name = call.input["identifier"]
    known = call.services.rate_limits.knows_login(name, call.client_ip)
    return None if known else login_name(name)


def _email(call: Call) -> str:
    return short_key(call.input["email"].strip().lower())


def _subject(call: Call) -> str | None:
    did = call.input["did"]
    known = call.services.rate_limits.knows_login(did, call.client_ip)
    return None if known else short_key(did)


_KEYS: dict[str, Callable[[Call], str | None]] = {
    "ip": _address,
    "did": _account,
    "login": _login,
    "login_from_anywhere": _login_from_anywhere,
    "email": _email,
    "subject": _subject,
}
