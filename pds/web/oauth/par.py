"""``POST /oauth/par``: a client leaves its request here, then sends the member's browser.

Specs: RFC 9126, https://atproto.com/specs/oauth#authorization-requests
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from pds.web.oauth import http
from pds.web.oauth.http import OAuthPost, OAuthReply
from pds.xrpc.limits import OAUTH_PAR

if TYPE_CHECKING:
    from pds.services import Services


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("oauth_par", __name__)

    def push(post: OAuthPost) -> OAuthReply:
        oauth = services.oauth
        asked = oauth.requests.read(post.fields)
        # Before the client is looked for: most first requests end here, for want of a nonce, and
        # a client's assertion must still be good when it asks again.
        jkt = (
            oauth.proofs.check(post.proofs, method="POST", path=post.path) if post.proofs else None
        )
        pushed = oauth.requests.push(asked, jkt)
        return OAuthReply(
            {"request_uri": pushed.request_uri, "expires_in": pushed.expires_in}, status=201
        )

    http.add_endpoint(routes, services, "/oauth/par", push, OAUTH_PAR)
    return routes
