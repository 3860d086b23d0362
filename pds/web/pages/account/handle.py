"""``…/handle``: another name, of this server or one's own domain."""

from __future__ import annotations

from flask import Response

from pds.web.pages.account.desk import Desk
from pds.web.pages.account.visit import Visit, field
from pds.xrpc.limits import UPDATE_HANDLE

AT = "/handle"


def add(desk: Desk) -> None:
    desk.page(AT, _show)
    desk.form(AT, "here", _change_here, limits=UPDATE_HANDLE)
    desk.form(AT, "domain", _change_to_domain, limits=UPDATE_HANDLE)


def _show(visit: Visit) -> Response:
    domains = visit.services.config.service_handle_domains
    return visit.show(
        "account/handle.html",
        domains=[(domain, domain) for domain in domains],
        name=field("name"),
        domain=field("domain"),
        own=field("handle"),
    )


def _change_here(visit: Visit) -> Response:
    domains = visit.services.config.service_handle_domains
    domain = field("domain") if field("domain") in domains else domains[0]
    name = field("name").strip().lower().removeprefix("@").removesuffix(domain)
    return _change(visit, name + domain)


def _change_to_domain(visit: Visit) -> Response:
    typed = field("handle").strip().lower().removeprefix("@").removeprefix("https://")
    return _change(visit, typed.strip("/"))


def _change(visit: Visit, handle: str) -> Response:
    visit.services.handle_changes.change(visit.did, handle)
    return visit.go(AT, "handle")
