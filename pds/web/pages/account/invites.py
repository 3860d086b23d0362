"""``…/invites``: the codes with which a member can let others in."""

from __future__ import annotations

from flask import Response

from pds.web.pages.account.desk import Desk
from pds.web.pages.account.visit import Visit

AT = "/invites"


def add(desk: Desk) -> None:
    desk.page(AT, _show)


def _show(visit: Visit) -> Response:
    codes = visit.services.invites.codes_of(visit.did, create_earned=True)
    codes.sort(key=lambda code: (code.is_used_up, code.created_at))
    return visit.show("account/invites.html", codes=codes)
