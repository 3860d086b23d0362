"""The list of the account's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from pds.web.pages.account import (
    app_passwords,
    apps,
    devices,
    email,
    entry,
    export,
    handle,
    home,
    invites,
    move,
    password,
    sign_in,
    status,
)
from pds.web.pages.account.desk import Desk

if TYPE_CHECKING:
    from pds.services import Services


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("account", __name__)
    entry.add(services, routes)
    sign_in.add(services, routes)
    desk = Desk(services, routes)
    for page in (home, handle, email, password, devices, apps, app_passwords, export, move, status):
        page.add(desk)
    if services.config.invite_required:
        invites.add(desk)
    sign_in.add_confirm(desk)
    return routes
