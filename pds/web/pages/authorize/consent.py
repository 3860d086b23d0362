"""``/oauth/authorize/consent``: what an app asks for, and the member's yes or no to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.services.faces import face_of
from pds.services.oauth.consent_words import words_for
from pds.services.oauth.opened import Choice
from pds.web.pages.authorize import steps
from pds.web.pages.authorize.visit import ROOT, Visit, begin, begin_form, send

if TYPE_CHECKING:
    from pds.services import Services


def add(routes: Blueprint, services: Services) -> None:
    @routes.get(ROOT + steps.CONSENT)
    def show_consent() -> Response:
        visit = begin(services)
        choice = visit.chosen()
        if choice is None:
            return visit.go()
        is_at_consent = not (choice.needs_password or choice.is_deactivated)
        return _show(visit, choice) if is_at_consent else steps.towards(visit, choice)

    @routes.post(ROOT + steps.CONSENT)
    def agree() -> Response:
        visit = begin_form(services)
        choice = visit.chosen()
        if choice is None:
            return visit.go()
        if choice.needs_password or choice.is_deactivated:
            return steps.towards(visit, choice)
        authorization = services.oauth.authorization
        ticked = request.form.getlist("allow")
        without = [
            card.name
            for card in authorization.cards(visit.opened)
            if card.optional and card.name not in ticked
        ]
        return send(authorization.agree(visit.browser, visit.opened, choice, without))

    @routes.post(ROOT + steps.DENY)
    def deny() -> Response:
        return send(services.oauth.authorization.refuse(begin_form(services).opened))


def _show(visit: Visit, choice: Choice) -> Response:
    cards = visit.services.oauth.authorization.cards(visit.opened, visit.languages)
    return visit.show(
        "consent.html",
        face=face_of(choice.account),
        cards=[(card, words_for(card)) for card in cards],
        scope=visit.opened.parameters.scope.split(" "),
    )
