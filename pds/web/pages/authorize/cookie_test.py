"""Sign-in windows of iPhone apps that keep no cookies: noticed before the member types a password.

Such a window is opened anew for each app and now and then forgets what it was just given. So an
iPhone that shows no cookie is sent to the same page once more; if it comes without one again, the
member reads why it does not work, and can let the app know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Response, request

from pds.web.pages import browser as browsers
from pds.web.pages import budgets, page
from pds.web.pages.authorize.navigation import check_navigation
from pds.web.pages.authorize.visit import ROOT, send
from pds.xrpc.limits import AUTHORIZE

if TYPE_CHECKING:
    from pds.services import Services

FIELD: Final = "cookie-test"
ONCE_MORE: Final = "1"
GIVEN_UP: Final = "2"
_TROUBLED: Final = "iPhone OS"


def look(services: Services) -> Response | None:
    """A page to show in the place of the first one; None when all is well."""
    if _TROUBLED not in request.headers.get("User-Agent", ""):
        return None
    if browsers.keeps_cookies(services):
        return None
    check_navigation(services)
    budgets.spend(services, AUTHORIZE)
    tried = request.args.get(FIELD)
    if tried == GIVEN_UP:
        return send(
            services.oauth.authorization.end_without_cookies(
                request.args.get("client_id", ""), request.args.get("request_uri", "")
            )
        )
    if tried == ONCE_MORE:
        return _page("no_cookies.html", 400, GIVEN_UP)
    return _page("cookie_test.html", 200, ONCE_MORE)


def _page(template: str, status: int, next_try: str) -> Response:
    fields = {name: request.args.get(name, "") for name in ("client_id", "request_uri")}
    return page.render(
        f"authorize/{template}",
        status,
        flow=True,
        action=ROOT,
        fields={**fields, FIELD: next_try},
    )
