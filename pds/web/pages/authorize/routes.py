"""The pages of the authorization together, and what is shown when one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.oauth_errors import OAuthError
from pds.services.oauth.opened import AnsweredRequestError, EndedRequestError
from pds.web.errors import mark
from pds.web.pages import page
from pds.web.pages.authorize import accounts, consent, reactivate, sign_in, start
from pds.web.pages.authorize.visit import send

if TYPE_CHECKING:
    from pds.services import Services


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("authorize", __name__)
    for module in (start, accounts, sign_in, reactivate, consent):
        module.add(routes, services)
    routes.register_error_handler(OAuthError, _fail)
    return routes


def _fail(error: OAuthError) -> Response:
    """Tell the app where that is safe, else the person."""
    if isinstance(error, EndedRequestError):
        return send(error.answer)
    if isinstance(error, AnsweredRequestError) and error.again and request.method == "POST":
        return send(error.again)
    status = error.status if error.status >= 500 else 400
    response = page.render(
        "authorize/error.html", status, flow=True, code=error.error, text=error.message
    )
    return mark(response, error)
