"""``…/email``: the address of an account: confirm it, change it."""

from __future__ import annotations

from flask import Response

from pds.web.pages.account.desk import Desk
from pds.web.pages.account.visit import Visit, field
from pds.web.pages.account.words import CODE_ISSUED
from pds.xrpc.limits import (
    CONFIRM_EMAIL,
    REQUEST_EMAIL_CONFIRMATION,
    REQUEST_EMAIL_UPDATE,
    UPDATE_EMAIL,
)

AT = "/email"


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "confirmation", _ask_confirmation, limits=REQUEST_EMAIL_CONFIRMATION)
    desk.form(AT, "confirm", _confirm, limits=CONFIRM_EMAIL)
    desk.form(AT, "code", _ask_code, limits=REQUEST_EMAIL_UPDATE, needs_password=True)
    desk.form(AT, "change", _change, limits=UPDATE_EMAIL, needs_password=True)


def _show(visit: Visit) -> Response:
    return visit.show("account/email.html", code=field("code"), wanted=field("email"))


def _ask_confirmation(visit: Visit) -> Response:
    if visit.account.is_email_confirmed:
        return visit.go(AT, "email-was-confirmed")
    visit.services.email_addresses.request_confirmation(visit.did)
    return visit.go(AT, CODE_ISSUED)


def _confirm(visit: Visit) -> Response:
    address = visit.account.email or ""
    visit.services.email_addresses.confirm(visit.did, address, field("code").strip())
    return visit.go(AT, "email-confirmed")


def _ask_code(visit: Visit) -> Response:
    requested = visit.services.email_addresses.request_change(visit.did)
    return visit.go(AT, CODE_ISSUED if requested.token_required else None)


def _change(visit: Visit) -> Response:
    addresses = visit.services.email_addresses
    before = visit.account.email
    addresses.change(visit.did, field("email"), field("code").strip() or None)
    now = visit.services.accounts.get_account(visit.did).email
    return visit.go(AT, "email-unchanged" if now == before else "email")
