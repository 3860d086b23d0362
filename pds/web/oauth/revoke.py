"""``POST /oauth/revoke``: a client ends its grant. The answer is the same whatever came of it.

A proof is checked if there is one. RFC 7009 knows of none, so clients made of other people's parts
send none; and whoever holds a token that is not theirs does its owner a favour by ending it.

Specs: RFC 7009, https://atproto.com/specs/oauth
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint

from pds.web.oauth.credentials import authenticate, required
from pds.web.oauth.http import OAuthPost, OAuthReply, add_endpoint
from pds.xrpc.limits import OAUTH_REVOKE

if TYPE_CHECKING:
    from pds.services import Services

PATH: Final = "/oauth/revoke"


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("oauth_revoke", __name__)

    def answer(post: OAuthPost) -> OAuthReply:
        jkt = None
        if post.proofs:
            jkt = services.oauth.proofs.check(post.proofs, method="POST", path=post.path)
        token = required(post.fields, "token")
        # Strangers shall not have documents fetched (see ``token.py``), and have nothing to end.
        if services.oauth.grants.is_known(token):
            client = authenticate(services, post.fields, jkt)
            services.oauth.grants.revoke(client, token, jkt)
        return OAuthReply({})

    add_endpoint(routes, services, PATH, answer, OAUTH_REVOKE)
    return routes
