"""``/account/reset-password``: ask for a code, or set a new password with one.

Needs no cookies, so whoever has lost everything else can use it: without the code nothing is
changed. Forms of other sites are refused all the same, lest their visitors ask for codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.errors import InvalidPasswordError, PdsError
from pds.services.sign_up_checks import MIN_CHOSEN_PASSWORD_LENGTH, check_chosen_password
from pds.web.pages import browser, budgets, forms, page
from pds.xrpc.limits import REQUEST_PASSWORD_RESET, RESET_PASSWORD

if TYPE_CHECKING:
    from pds.services import Services

AT = "/account/reset-password"
TEMPLATE = "reset_password.html"
MAX_EMAIL_CHARS = 320


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("reset_password", __name__)

    @routes.get(AT)
    def show() -> Response:
        if "done" in request.args:
            return page.render("reset_password_done.html")
        advice = None
        if "asked" in request.args:
            advice = f"If there is such an account: {services.email_tokens.hint()}"
        return _page(asks="code" not in request.args and advice is None, advice=advice)

    @routes.post(AT)
    def act() -> Response:
        browser.check_origin(services)
        return _reset(services) if "code" in request.form else _request(services)

    return routes


def _request(services: Services) -> Response:
    email = forms.field("email")[:MAX_EMAIL_CHARS]
    try:
        budgets.spend(services, REQUEST_PASSWORD_RESET, email=email)
        services.password_changes.request_reset(email)
    except PdsError as error:
        return _page(error, email=email)
    return forms.on_to(f"{AT}?asked=1")


def _reset(services: Services) -> Response:
    code, password = forms.field("code"), forms.field("password")
    try:
        budgets.spend(services, RESET_PASSWORD)
        check_chosen_password(password)
        services.password_changes.reset(code, password)
    except PdsError as error:
        return _page(error, asks=False, code=code[: forms.MAX_CODE_CHARS])
    return forms.on_to(f"{AT}?done=1")


def _page(
    error: PdsError | None = None,
    *,
    asks: bool = True,
    advice: str | None = None,
    email: str = "",
    code: str = "",
) -> Response:
    """asks: the form that asks for a code, else the one that takes it."""
    return forms.answer(
        TEMPLATE,
        error,
        fields=_FIELDS,
        asks=asks,
        advice=advice,
        email=email,
        code=code or forms.code_in_address(),
        shortest=MIN_CHOSEN_PASSWORD_LENGTH,
    )


_FIELDS: forms.Fields = (*forms.OF_CODES, (InvalidPasswordError, "password"))
