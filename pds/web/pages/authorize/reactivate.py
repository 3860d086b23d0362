"""``/oauth/authorize/reactivate``: a deactivated account has to be active before it can agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from pds.errors import PdsError
from pds.services.faces import face_of
from pds.services.oauth.opened import Choice
from pds.web.pages import budgets
from pds.web.pages.authorize import steps
from pds.web.pages.authorize.visit import ROOT, Visit, begin, begin_form
from pds.xrpc.limits import ACTIVATE_ACCOUNT

if TYPE_CHECKING:
    from pds.services import Services


def add(routes: Blueprint, services: Services) -> None:
    @routes.get(ROOT + steps.REACTIVATE)
    def show_reactivate() -> Response:
        visit = begin(services)
        choice = visit.chosen()
        if choice is None:
            return visit.go()
        if choice.needs_password or not choice.is_deactivated:
            return steps.towards(visit, choice)
        return _show(visit, choice)

    @routes.post(ROOT + steps.REACTIVATE)
    def reactivate() -> Response:
        visit = begin_form(services)
        choice = visit.chosen()
        if choice is None:
            return visit.go()
        if choice.needs_password:
            return steps.towards(visit, choice)
        did = choice.account.did
        try:
            budgets.spend(services, ACTIVATE_ACCOUNT, member=did)
            services.accounts.activate(did)
        except PdsError as error:
            return _show(visit, choice, error)
        return steps.after_form(visit.again(visit.browser), did)


def _show(visit: Visit, choice: Choice, error: PdsError | None = None) -> Response:
    return visit.show("reactivate.html", error, face=face_of(choice.account))
