"""What sending a form costs: the same as the XRPC method that does the same, from one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from pds.web.rate_limiting import RateLimiting

if TYPE_CHECKING:
    from pds.services import Services
    from pds.xrpc.method import Limit


def spend(
    services: Services, limits: tuple[Limit, ...], *, member: str | None = None, **said: str
) -> None:
    """Spend the budgets of a method in ``pds/xrpc/limits.py``.

    member: the DID of who is signed in. said: what they go by: ``identifier``, ``email``.

    Raises:
        BudgetSpentError
    """
    RateLimiting(services.rate_limits).spend_page(request.environ, limits, member=member, **said)
