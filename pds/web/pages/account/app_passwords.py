"""``…/app-passwords``: passwords for single programs. A new one is shown once, and never again."""

from __future__ import annotations

from flask import Response, request

from pds.web.pages.account.desk import Desk
from pds.web.pages.account.times import shown_day
from pds.web.pages.account.visit import Visit, field
from pds.xrpc.limits import CREATE_APP_PASSWORD

AT = "/app-passwords"


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "make", _make, limits=CREATE_APP_PASSWORD, needs_password=True)
    desk.form(AT, "revoke", _revoke)


def _show(visit: Visit) -> Response:
    found = visit.services.app_passwords.list_all(visit.did)
    shown = [(password, shown_day(password.created_at)) for password in found]
    return visit.show("account/app_passwords.html", passwords=shown, name=field("name"))


def _make(visit: Visit) -> Response:
    """The one form that answers with a page: nobody keeps the password, so it cannot be asked for.

    Sent twice, the second is refused, as the name is taken.
    """
    made = visit.services.app_passwords.create(
        visit.did, field("name"), privileged="privileged" in request.form
    )
    return visit.show("account/app_password_made.html", name=made.row.name, password=made.password)


def _revoke(visit: Visit) -> Response:
    visit.services.app_passwords.revoke(visit.did, field("name"))
    return visit.go(AT, "app-password")
