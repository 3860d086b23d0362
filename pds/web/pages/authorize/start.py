"""``GET /oauth/authorize``: where an app sends its member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from pds.web.pages.authorize import cookie_test, steps
from pds.web.pages.authorize.visit import ROOT, begin, send

if TYPE_CHECKING:
    from pds.services import Services


def add(routes: Blueprint, services: Services) -> None:
    @routes.get(ROOT)
    def start() -> Response:
        obstacle = cookie_test.look(services)
        if obstacle is not None:
            return obstacle
        visit = begin(services)
        answer = services.oauth.authorization.at_once(visit.browser, visit.opened)
        return send(answer) if answer is not None else steps.first(visit)
