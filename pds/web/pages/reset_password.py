"""``/account/reset-password``: ask for a code, or set a new password with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.errors import PdsError
from pds.web.pages import forms, page
from pds.xrpc.limits import REQUEST_PASSWORD_RESET, RESET_PASSWORD

if TYPE_CHECKING:
    from pds.services import Services

TEMPLATE = "reset_password.html"


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("reset_password", __name__)

    @routes.get("/account/reset-password")
    def show() -> Response:
        return page.render(TEMPLATE, code=forms.code_in_address())

    @routes.post("/account/reset-password")
    def act() -> Response:
        code = forms.field("code")
        try:
            return _reset(services, code) if "code" in request.form else _request(services)
        except PdsError as error:
            return forms.refusal(TEMPLATE, error, code=code[: forms.MAX_CODE_CHARS])

    return routes


def _request(services: Services) -> Response:
    forms.spend(services, REQUEST_PASSWORD_RESET)
    hint = services.password_changes.request_reset(forms.field("email"))
    return page.render(TEMPLATE, advice=f"If there is such an account: {hint}")


def _reset(services: Services, code: str) -> Response:
    forms.spend(services, RESET_PASSWORD)
    services.password_changes.reset(code, forms.field("password"))
    done = "Your new password is set. Sign in with it; all devices were signed out."
    return page.render("code_taken.html", title="Password changed", notice=done)
