"""``…/password``: another password, by whoever knows the present one."""

from __future__ import annotations

from flask import Response, request

from pds.errors import InvalidPasswordError
from pds.web.pages.account.desk import Desk
from pds.web.pages.account.visit import Visit, field
from pds.xrpc.limits import RESET_PASSWORD

AT = "/password"


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "", _change, limits=RESET_PASSWORD)


def _show(visit: Visit) -> Response:
    return visit.show("account/password.html", keeps="keep" in request.form)


def _change(visit: Visit) -> Response:
    keeps, new = "keep" in request.form, field("new")
    if new != field("again"):
        message = "The new password was not typed the same way twice. Try again."
        raise InvalidPasswordError(message)
    visit.services.password_changes.change(
        visit.account.id,
        field("old"),
        new,
        visit.browser.id,
        keep_others=keeps,
        device=visit.browser.device,
    )
    return visit.go(AT, "password-kept" if keeps else "password")
