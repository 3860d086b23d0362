"""``/``: says what this is, as text for tools and as a page for browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from pds.web.pages import page

if TYPE_CHECKING:
    from pds.services import Services

BANNER = r"""
      (
     ) )      H E A R T H
    ( ( )
   .-'''-.    a home for accounts of the AT Protocol
   '-----'

This is an AT Protocol Personal Data Server (PDS) named {name}.

Most of its API is below /xrpc/

    Protocol: https://atproto.com
    Specs:    https://atproto.com/specs/xrpc
    Health:   {url}/xrpc/_health
"""


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("home", __name__)
    config = services.config
    banner = BANNER.format(name=config.hostname, url=config.public_url)

    @routes.get("/")
    def home() -> Response:
        if page.wants_html():
            response = page.render("home.html", invite_required=config.invite_required)
        else:
            response = Response(banner, mimetype="text/plain")
        response.vary.add("Accept")
        return response

    return routes
