"""``…/status``: pause the account, come back, or delete it for good."""

from __future__ import annotations

from flask import Response, request

from pds.errors import InvalidRequestError
from pds.web.pages.account.desk import Desk
from pds.web.pages.account.times import shown_day
from pds.web.pages.account.visit import Visit, field, on_to
from pds.web.pages.account.words import CODE_ISSUED
from pds.web.rate_limiting import BYPASS_HEADER
from pds.xrpc.limits import (
    ACTIVATE_ACCOUNT,
    DEACTIVATE_ACCOUNT,
    DELETE_ACCOUNT,
    REQUEST_ACCOUNT_DELETE,
)

AT = "/status"
DELETE = "/delete"


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "deactivate", _deactivate, limits=DEACTIVATE_ACCOUNT, needs_password=True)
    desk.form(AT, "reactivate", _reactivate, limits=ACTIVATE_ACCOUNT)
    desk.page(DELETE, _show_delete)
    desk.form(DELETE, "code", _ask_code, limits=REQUEST_ACCOUNT_DELETE, needs_password=True)
    desk.form(DELETE, "", _delete, limits=DELETE_ACCOUNT)


def _show(visit: Visit) -> Response:
    after = visit.account.delete_after
    return visit.show("account/status.html", delete_after=shown_day(after) if after else None)


def _deactivate(visit: Visit) -> Response:
    # Apps and all, unlike the method, which a move to another server uses while an app watches.
    visit.services.accounts.deactivate(visit.did, also=visit.services.oauth.grants.end_all)
    return visit.go(AT, "deactivated")


def _reactivate(visit: Visit) -> Response:
    visit.services.accounts.activate(visit.did)
    return visit.go(AT, "reactivated")


def _show_delete(visit: Visit) -> Response:
    return visit.show(
        "account/delete.html", typed=field("handle"), code=field("code"), name=_name(visit)
    )


def _ask_code(visit: Visit) -> Response:
    visit.services.email_tokens.request(visit.account, "delete_account")
    return visit.go(DELETE, CODE_ISSUED)


def _delete(visit: Visit) -> Response:
    if field("handle").strip().lower().removeprefix("@") != _name(visit).lower():
        message = f"Type {_name(visit)} to show that you mean this account."
        raise InvalidRequestError(message)
    visit.services.accounts.delete_own(
        visit.did,
        field("password"),
        field("code").strip(),
        device=visit.browser.device,
        bypass_key=request.environ.get(BYPASS_HEADER),
    )
    return on_to("/account/deleted")


def _name(visit: Visit) -> str:
    return visit.account.handle or visit.did
