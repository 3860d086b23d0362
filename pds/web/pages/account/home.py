"""An account at a glance."""

from __future__ import annotations

from flask import Response

from pds.web.pages.account.desk import Desk
from pds.web.pages.account.times import shown_day
from pds.web.pages.account.visit import HOME, Visit


def add(desk: Desk) -> None:
    desk.page(HOME, _show)


def _show(visit: Visit) -> Response:
    account = visit.account
    return visit.show(
        "account/home.html",
        since=shown_day(account.created_at),
        delete_after=shown_day(account.delete_after) if account.delete_after else None,
    )
