"""``/account/confirm-email``: confirm an address with the code that was sent there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from pds.errors import PdsError
from pds.web.pages import browser, budgets, forms, page
from pds.xrpc.limits import RESET_PASSWORD

if TYPE_CHECKING:
    from pds.services import Services

TEMPLATE = "confirm_email.html"


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("confirm_email", __name__)

    @routes.get("/account/confirm-email")
    def show() -> Response:
        return forms.answer(TEMPLATE, code=forms.code_in_address())

    @routes.post("/account/confirm-email")
    def confirm() -> Response:
        browser.check_origin(services)
        code = forms.field("code")
        try:
            budgets.spend(services, RESET_PASSWORD)  # guesses that name no account share one budget
            services.email_addresses.confirm_by_link(code)
        except PdsError as error:
            shown = code[: forms.MAX_CODE_CHARS]
            return forms.answer(TEMPLATE, error, fields=forms.OF_CODES, code=shown)
        done = "Your e-mail address is confirmed. You can close this page."
        return page.render("code_taken.html", title="Address confirmed", notice=done)

    return routes
