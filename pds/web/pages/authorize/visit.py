"""A browser at one of the pages of an authorization, and the ways on from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Response, request

from pds.errors import PdsError
from pds.services.oauth.answers import Answer
from pds.services.oauth.opened import Choice, Opened
from pds.web import accepting
from pds.web.errors import mark
from pds.web.pages import browser as browsers
from pds.web.pages import budgets, page
from pds.web.pages.authorize.navigation import check_navigation
from pds.xrpc.limits import AUTHORIZE

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.browsers import Browser

ROOT = "/oauth/authorize"


@dataclass(frozen=True, slots=True)
class Visit:
    """The request that a page is about, in the browser that it belongs to."""

    services: Services
    browser: Browser
    opened: Opened

    def show(self, template: str, error: PdsError | None = None, **context: Any) -> Response:
        """A page. error: why it is shown again."""
        response = page.render(
            f"authorize/{template}",
            200 if error is None else error.status,
            browser=self.browser,
            flow=True,
            images=[self.opened.client.logo_uri],
            error=None if error is None else error.message,
            visit=self,
            client=self.opened.client,
            **context,
        )
        return response if error is None else mark(response, error)

    def address(self, to: str = "", did: str | None = None) -> str:
        """A page of this authorization. did: of whom it is about."""
        return address(to, did=did)

    def go(self, to: str = "", did: str | None = None) -> Response:
        """On to a page."""
        return Response("", 303, {"Location": self.address(to, did)})

    def again(self, browser: Browser) -> Visit:
        """The visit as a change has left it."""
        return _open(self.services, browser)

    def chosen(self) -> Choice | None:
        """Who the page's address says that it is about."""
        return self.opened.choice(request.args.get("did", ""))

    @property
    def languages(self) -> tuple[str, ...]:
        """What the member reads, as client and browser say, the dearest first."""
        return (*self.opened.parameters.ui_locales, *accepting.languages())


def begin(services: Services) -> Visit:
    """For a page that is looked at.

    Raises:
        ForeignNavigationError, BudgetSpentError: and what ``Authorization.open`` raises.
    """
    check_navigation(services)
    budgets.spend(services, AUTHORIZE)
    return _open(services, browsers.current(services))


def begin_form(services: Services) -> Visit:
    """For a page's form that was sent.

    Raises:
        ForeignFormError: and what ``begin`` raises.
    """
    browser = browsers.current(services)
    browsers.check_form(services, browser)
    return begin(services)


def address(to: str = "", *, root: str = ROOT, **more: str | None) -> str:
    """A page below ``root``, about the authorization that the present address names."""
    fields = {
        "client_id": request.args.get("client_id", ""),
        "request_uri": request.args.get("request_uri", ""),
        **{name: value for name, value in more.items() if value is not None},
    }
    return f"{root}{to}?{urlencode(fields)}"


def send(answer: Answer) -> Response:
    """Send the browser back to the app."""
    if answer.is_form:
        return page.render("authorize/form_post.html", flow=True, answer=answer)
    return Response("", 303, {"Location": answer.url, "Cache-Control": "no-store"})


def _open(services: Services, browser: Browser) -> Visit:
    opened = services.oauth.authorization.open(
        browser, request.args.get("client_id", ""), request.args.get("request_uri", "")
    )
    return Visit(services, browser, opened)
