"""``…/move``: what it takes to take the account to another server."""

from __future__ import annotations

from flask import Response

from pds.web.pages.account.desk import Desk
from pds.web.pages.account.visit import Visit
from pds.web.pages.account.words import CODE_ISSUED
from pds.xrpc.limits import REQUEST_PLC_OPERATION_SIGNATURE

AT = "/move"


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "code", _ask_code, limits=REQUEST_PLC_OPERATION_SIGNATURE, needs_password=True)


def _show(visit: Visit) -> Response:
    return visit.show(
        "account/move.html",
        server=visit.services.config.public_url,
        is_plc=visit.did.startswith("did:plc:"),
    )


def _ask_code(visit: Visit) -> Response:
    visit.services.plc_operations.request_signature(visit.did)
    return visit.go(AT, CODE_ISSUED)
