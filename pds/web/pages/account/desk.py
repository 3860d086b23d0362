"""The way to every page of a signed-in account: who is let in, and what a form may do.

1. A form must come from our own page in this browser.
2. The account must be signed in in this browser; any other, whether it exists or not, is no page.
3. Its password must have been typed within the last days, and for what matters most within minutes.
4. What a form does is limited like the method that does the same.

A form that is refused shows its page again, with what was wrong; one that is accepted leads on to a
page that can be opened anew without sending anything twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from pds.errors import PdsError
from pds.web.pages import browser as browsers
from pds.web.pages import budgets
from pds.web.pages.account.visit import HOME, Visit, on_to, root_of
from pds.web.request_log import ENVIRON_KEY
from pds.xrpc.limits import MEMBER_FORMS

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.browsers import SignedIn
    from pds.xrpc.method import Limit

View = Callable[[Visit], Response]

RECENTLY_US: Final = 15 * 60 * 1_000_000
SIGN_IN: Final = "/account/sign-in"
CONFIRM: Final = "/confirm"
_OF_ACCOUNT: Final = "/account/u/<did>"


class Desk:
    """Adds pages below ``/account/u/<did>`` to ``routes``."""

    def __init__(self, services: Services, routes: Blueprint) -> None:
        self.services = services
        self._routes = routes
        self._views: dict[str, View] = {}

    def page(
        self, at: str, view: View, *, needs_password: bool = False, admits_stale: bool = False
    ) -> None:
        """A page that only shows something.

        needs_password: typed within a quarter of an hour. admits_stale: not even within days.
        """
        self._views[at] = view

        def serve(did: str) -> Response:
            return self._admit(
                did, at, view, needs_password=needs_password, admits_stale=admits_stale
            )

        self._add(at, "GET", serve)

    def form(  # each is a property of the form
        self,
        at: str,
        verb: str,
        act: View,
        *,
        limits: tuple[Limit, ...] = (),
        needs_password: bool = False,
        admits_stale: bool = False,
    ) -> None:
        """What a form of the page ``at`` does. verb: tells the forms of one page apart, or "".

        act: answers, or raises what is shown on the page. limits: spent beside those of all forms.
        """
        path = f"{at}/{verb}" if verb else at
        shown_by = self._views[at]

        def attempt(visit: Visit) -> Response:
            try:
                self._spend(visit, limits)
                return act(visit)
            except PdsError as error:
                return shown_by(visit.refused(error))

        def serve(did: str) -> Response:
            browsers.check_form(self.services, browsers.current(self.services))
            return self._admit(
                did, at, attempt, needs_password=needs_password, admits_stale=admits_stale
            )

        self._add(path, "POST", serve)
        if verb:  # the address that a refused form leaves in the browser
            self._add(path, "GET", lambda did: on_to(root_of(did) + at))

    def find_next(self) -> str:
        """The page that the visitor was sent from to type the password; home when it is none."""
        wanted = request.args.get("next", "") or request.form.get("next", "")
        return wanted if wanted in self._views else HOME

    def _add(self, path: str, method: str, serve: Callable[[str], Response]) -> None:
        name = f"{method} {path}".replace(".", "")
        self._routes.add_url_rule(_OF_ACCOUNT + path, name, serve, methods=[method])

    def _admit(
        self, did: str, at: str, view: View, *, needs_password: bool, admits_stale: bool
    ) -> Response:
        browser = browsers.current(self.services)
        found = [
            one for one in self.services.browsers.accounts(browser) if not one.account.is_taken_down
        ]
        # Paths come in lower case (``Hearth.wsgi_app``), and no two DIDs differ in case alone here.
        signed_in = next((one for one in found if one.account.did.lower() == did.lower()), None)
        if signed_in is None and not found:
            return on_to(SIGN_IN)
        if signed_in is None:
            raise NotFound
        request.environ[ENVIRON_KEY].did = signed_in.account.did
        if not admits_stale and not self._is_settled(signed_in, needs_password=needs_password):
            query = urlencode({"next": at})
            return on_to(f"{root_of(signed_in.account.did)}{CONFIRM}?{query}")
        among = tuple(one.account for one in found)
        return view(Visit(self.services, browser, signed_in, among, at))

    def _is_settled(self, signed_in: SignedIn, *, needs_password: bool) -> bool:
        if not signed_in.is_fresh:
            return False
        age_us = self.services.clock() - signed_in.authenticated_at_us
        return not needs_password or age_us <= RECENTLY_US

    def _spend(self, visit: Visit, limits: tuple[Limit, ...]) -> None:
        did = visit.did
        limits = (*MEMBER_FORMS, *limits)
        budgets.spend(self.services, limits, member=did, identifier=did, did=did)
