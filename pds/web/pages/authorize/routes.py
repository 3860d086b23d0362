"""The pages of the authorization together, and what is shown when one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.oauth_errors import OAuthError
from pds.services.oauth.opened import (
    AnsweredRequestError,
    EndedRequestError,
    UnreadableRequestError,
)
from pds.web.errors import mark
from pds.web.pages import page
from pds.web.pages.authorize import accounts, consent, reactivate, sign_in, start
from pds.web.pages.authorize.navigation import ForeignNavigationError
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
        "authorize/error.html",
        status,
        flow=True,
        plain=_plain_words(error),
        code=error.error,
        text=error.message,
    )
    return mark(response, error)


def _plain_words(error: OAuthError) -> str:
    """What has happened, for people; the error itself is for whoever makes the app."""
    if isinstance(error, ForeignNavigationError):
        return error.message
    if isinstance(error, AnsweredRequestError):
        return "This was answered already, in this window or in another one."
    if isinstance(error, UnreadableRequestError):
        return "This took too long, or was answered already in another window."
    if error.status >= 500:
        return "This server cannot find out at the moment which app has sent you here."
    return "This server cannot tell which app has sent you here, or the app asks for too much."
