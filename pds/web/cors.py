"""Cross-origin rules: the APIs are public and without cookies, so any page may call them.

Pages for people are not: they know their visitors by cookies, so no other site may read them.

Spec: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

Headers = list[tuple[str, str]]
Audience = Literal["api", "oauth", "nobody"]

EXPOSED = (
    "Accept-Ranges, Atproto-Content-Labelers, Atproto-Repo-Rev, Content-Disposition, "
    "Content-Range, DPoP-Nonce, ETag, Hearth-Notice, RateLimit-Limit, RateLimit-Policy, "
    "RateLimit-Remaining, RateLimit-Reset, Retry-After, WWW-Authenticate, X-Request-Id"
)
MAX_AGE_S = 86_400

ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")
EXPOSE = ("Access-Control-Expose-Headers", EXPOSED)  # read by browsers only, so not always sent

# Whatever is not named here is for people, also what is added later.
_OAUTH = frozenset(
    {
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
        "/oauth/jwks",
        "/oauth/par",
        "/oauth/revoke",
        "/oauth/token",
    }
)
_API = frozenset({"/export", "/robots.txt", "/tls-check"})
_API_PREFIXES = ("/.well-known/", "/did:", "/xrpc/")

_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")


def audience(path: str) -> Audience:
    """Which pages of other sites may read what ``path`` answers, and by which rules."""
    name = path.lower()
    if name.removesuffix("/") in _OAUTH:
        return "oauth"
    return "api" if name in _API or name.startswith(_API_PREFIXES) else "nobody"


def oauth_headers(http_method: str, status: str) -> Headers:
    """For every answer of OAuth's machine endpoints and documents, preflights among them."""
    headers = [
        ANY_ORIGIN,
        ("Access-Control-Allow-Methods", "*"),
        ("Access-Control-Allow-Headers", "Content-Type,DPoP"),
        ("Access-Control-Max-Age", str(MAX_AGE_S)),
    ]
    if http_method == "POST":
        exposed = "DPoP-Nonce, WWW-Authenticate" if status.startswith("401") else "DPoP-Nonce"
        headers.append(("Access-Control-Expose-Headers", exposed))
    return headers


def preflight_headers(environ: Mapping[str, Any]) -> Headers:
    """The answer to a browser that asks before it calls.

    The requested header names are sent back: ``*`` would not cover ``Authorization``.
    """
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    allowed = asked if _HEADER_NAMES.fullmatch(asked) else "*"
    return [
        ("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE"),
        ("Access-Control-Allow-Headers", allowed),
        ("Access-Control-Max-Age", str(MAX_AGE_S)),
        ("Vary", "Access-Control-Request-Headers"),
        ("Content-Length", "0"),
    ]
