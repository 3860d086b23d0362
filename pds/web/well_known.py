"""Plain HTTP routes that other servers and the reverse proxy ask.

Specs: https://atproto.com/specs/handle#https-well-known-method and https://w3c-ccg.github.io/did-method-web/
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from pds.errors import InvalidRequestError, NotEnoughResourcesError
from pds.web.errors import error_body
from pds.web.responses import JSON

if TYPE_CHECKING:
    from pds.services import Services

TEXT = "text/plain; charset=utf-8"

ROBOTS = """\
# This server's API is public and may be crawled.
User-agent: *
Allow: /
"""


def blueprint(services: Services) -> Blueprint:
    """All routes of this module."""
    routes = Blueprint("well_known", __name__)
    for path, view in (
        ("/.well-known/atproto-did", _atproto_did),
        ("/.well-known/did.json", _did_document),
        ("/tls-check", _tls_check),
        ("/xrpc/_health", _health),
        ("/robots.txt", _robots),
        ("/.well-known/change-password", _change_password),
    ):
        routes.add_url_rule(path, view.__name__, partial(view, services))
    return routes


def _atproto_did(services: Services) -> Response:
    did = _find_did(services, host_name(request.host))
    if did is None:
        return Response("User not found", 404, content_type=TEXT)
    return Response(did, 200, content_type=TEXT)


def _did_document(services: Services) -> Response:
    return _json(services.identity.service_document())


def _tls_check(services: Services) -> Response:
    """For Caddy: may a certificate be ordered for this name?"""
    domain = request.args.get("domain", "").lower()
    if not domain:
        message = "bad or missing domain query param"
        raise InvalidRequestError(message)
    if domain == services.config.hostname:
        return _json({"success": True})
    if not _is_hosted(services, domain):
        message = "handles are not provided on this domain"
        raise InvalidRequestError(message)
    if _find_did(services, domain) is None:
        body = error_body("NotFound", "handle not found for this domain")
        return Response(body, 404, content_type=JSON)
    return _json({"success": True})


def _health(services: Services) -> Response:
    version = services.config.version
    try:
        services.health.check()
    except NotEnoughResourcesError:
        return _json({"version": version, "error": "Service Unavailable"}, 503)
    return _json({"version": version})


def _robots(_services: Services) -> Response:
    return Response(ROBOTS, 200, content_type=TEXT)


def _change_password(_services: Services) -> Response:
    """For password managers: https://w3c.github.io/webappsec-change-password-url/."""
    return Response("", 302, {"Location": "/account/reset-password"}, content_type=TEXT)


def _is_hosted(services: Services, host: str) -> bool:
    """Whether a host name is one that accounts here may have as their handle."""
    return any(
        host.endswith(domain) or host == domain.removeprefix(".")
        for domain in services.config.service_handle_domains
    )


def _find_did(services: Services, host: str) -> str | None:
    """The active account whose handle is this host name."""
    if not _is_hosted(services, host):
        return None
    account = services.accounts.find_account(host)
    return account.did if account is not None and account.is_active else None


def host_name(host: str) -> str:
    """The name in a Host header: lower case, without port or final dot."""
    return host.rpartition(":")[0].lower() if _has_port(host) else host.lower().removesuffix(".")


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and ":" in host


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content, separators=(",", ":")), status, content_type=JSON)
