"""What the pages that take a one-time code have in common.

Opening a link only shows a form, because mail programs and virus scanners open links too; the code
is used by sending the form. It stands in the page's address, which the headers of every page keep
from other sites and from caches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request

from pds.errors import PdsError
from pds.web.pages import page
from pds.web.rate_limiting import RateLimiting

if TYPE_CHECKING:
    from pds.services import Services
    from pds.xrpc.method import Limit

MAX_CODE_CHARS = 100


def refusal(template: str, error: PdsError, **shown: Any) -> Response:
    """The page again, with what was wrong."""
    text = _PLAIN_WORDS.get(error.error, error.message)
    return page.render(template, error.status, error=text, **shown)


def code_in_address() -> str:
    """The code of the link that was opened, as it is filled into the form."""
    return request.args.get("code", "")[:MAX_CODE_CHARS]


def field(name: str) -> str:
    return request.form.get(name, "")


def spend(services: Services, limits: tuple[Limit, ...]) -> None:
    """Spend the budgets of the XRPC method that does the same, as far as they go by address.

    Raises:
        BudgetSpentError
    """
    by_address = (limit for limit in limits if limit.key == "ip")
    RateLimiting(services.rate_limits).spend_address(request.environ, *by_address)


_PLAIN_WORDS = {
    "InvalidToken": "This code is wrong or was used already. Ask for a new one.",
    "ExpiredToken": "This code is too old. Ask for a new one.",
}
