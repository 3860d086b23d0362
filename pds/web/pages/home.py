"""``/``: says what this is, as text for tools and as a page for browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, render_template, request

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

# The page needs its own style sheet and nothing else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("home", __name__)
    config = services.config
    banner = BANNER.format(name=config.hostname, url=config.public_url)

    @routes.get("/")
    def home() -> Response:
        response = _page() if _wants_html() else Response(banner, mimetype="text/plain")
        response.vary.add("Accept")
        return response

    def _page() -> Response:
        response = Response(render_template("home.html", config=config))
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return routes


def _wants_html() -> bool:
    """Browsers name text/html first; command-line tools send ``*/*`` or nothing."""
    accepted = request.accept_mimetypes
    return accepted["text/html"] > accepted["text/plain"]
