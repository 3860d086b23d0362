"""``/oauth/authorize/accounts``: choose among those who are signed in, or do without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.services.faces import face_of
from pds.services.oauth.opened import Choice
from pds.web.pages.authorize import steps
from pds.web.pages.authorize.visit import ROOT, Visit, begin, begin_form

if TYPE_CHECKING:
    from pds.services import Services


def add(routes: Blueprint, services: Services) -> None:
    @routes.get(ROOT + steps.ACCOUNTS)
    def show_accounts() -> Response:
        visit = begin(services)
        return _show(visit) if visit.opened.choices else visit.go(steps.SIGN_IN)

    @routes.post(ROOT + steps.ACCOUNTS)
    def choose() -> Response:
        return steps.after_form(begin_form(services), request.form.get("did", ""))

    @routes.post(ROOT + steps.OTHER_ACCOUNT)
    def other() -> Response:
        """Another account than the app has named: the member's own wish, so by a form."""
        visit = begin_form(services)
        services.oauth.authorization.drop_hint(visit.opened)
        freed = visit.again(visit.browser)
        return freed.go(steps.ACCOUNTS if freed.opened.choices else steps.SIGN_IN)


def _show(visit: Visit) -> Response:
    return visit.show(
        "accounts.html",
        choices=[(face_of(choice.account), _note(choice)) for choice in visit.opened.choices],
        has_hint=visit.opened.parameters.login_hint is not None,
    )


def _note(choice: Choice) -> str | None:
    if choice.needs_password:
        return "Password needed"
    return "Deactivated" if choice.is_deactivated else None
