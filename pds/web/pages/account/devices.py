"""``…/devices``: where the account is signed in, and an end to it."""

from __future__ import annotations

from flask import Response, request

from pds.services.signed_in_places import Place
from pds.web.pages.account.desk import Desk
from pds.web.pages.account.times import shown_time
from pds.web.pages.account.visit import Visit, field

AT = "/devices"
SHOWN = 100


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "end", _end)
    desk.form(AT, "end-others", _end_others)


def _show(visit: Visit) -> Response:
    found = visit.services.signed_in_places.list_all(visit.account.id, visit.browser.id)
    shown = found if "all" in request.args else found[:SHOWN]
    return visit.show(
        "account/devices.html",
        places=[(place, shown_time(place.used_at_us), _kind(place)) for place in shown],
        count=len(found),
        others=len(found) - 1,
    )


def _end(visit: Visit) -> Response:
    places = visit.services.signed_in_places
    was_there = places.end(visit.account.id, field("kind"), field("place"))
    return visit.go(AT, "place" if was_there else "no-place")


def _end_others(visit: Visit) -> Response:
    visit.services.signed_in_places.end_others(visit.account.id, visit.browser.id)
    return visit.go(AT, "places")


def _kind(place: Place) -> str:
    if place.kind == "browser":
        return "these pages"
    if place.app_password is not None:
        return f"app password “{place.app_password}”"
    return "an app, with your password"
