"""``POST /oauth/token``: codes and refresh tokens into tokens.

What is presented is looked up before the client is: fetching a client's document is a request that
strangers could have this server send, to an address of their choice.

Specs: https://atproto.com/specs/oauth, RFC 6749 sections 4.1.3, 5 and 6, RFC 9449 section 5
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint

from pds.oauth_errors import InvalidGrantError, UnsupportedGrantTypeError
from pds.services.oauth.code_exchange import PresentedCode
from pds.services.oauth.token_refresh import PresentedRefreshToken
from pds.services.oauth.token_reply import TokenReply
from pds.web.oauth.credentials import authenticate, required
from pds.web.oauth.http import OAuthPost, OAuthReply, add_endpoint
from pds.xrpc.limits import OAUTH_TOKEN

if TYPE_CHECKING:
    from pds.services import Services

PATH: Final = "/oauth/token"


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("oauth_token", __name__)

    def answer(post: OAuthPost) -> OAuthReply:
        jkt = services.oauth.proofs.check(post.proofs, method="POST", path=post.path)
        trade = _TRADES.get(required(post.fields, "grant_type"))
        if trade is None:
            raise UnsupportedGrantTypeError
        return OAuthReply(trade(services, post, jkt).to_value())

    add_endpoint(routes, services, PATH, answer, OAUTH_TOKEN)
    return routes


def _trade_code(services: Services, post: OAuthPost, jkt: str) -> TokenReply:
    presented = PresentedCode(
        code=required(post.fields, "code"),
        redirect_uri=required(post.fields, "redirect_uri"),
        code_verifier=required(post.fields, "code_verifier"),
        jkt=jkt,
    )
    _check_known(services, "code", presented.code)
    client = authenticate(services, post.fields, jkt)
    return services.oauth.grants.exchange(client, presented)


def _trade_refresh_token(services: Services, post: OAuthPost, jkt: str) -> TokenReply:
    presented = PresentedRefreshToken(
        token=required(post.fields, "refresh_token"), jkt=jkt, scope=post.fields.get("scope")
    )
    _check_known(services, "refresh_token", presented.token)
    client = authenticate(services, post.fields, jkt)
    return services.oauth.grants.refresh(client, presented)


def _check_known(services: Services, name: str, token: str) -> None:
    if not services.oauth.grants.is_known(token):
        raise InvalidGrantError(f"{name}: there is no such one (any more)")


_TRADES: Final = {"authorization_code": _trade_code, "refresh_token": _trade_refresh_token}
