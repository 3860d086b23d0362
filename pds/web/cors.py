"""Cross-origin rules: everything here is a public API without cookies, so any page may call it.

Spec: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Headers = list[tuple[str, str]]

EXPOSED = (
    "Accept-Ranges, Atproto-Content-Labelers, Atproto-Repo-Rev, Content-Disposition, "
    "Content-Range, DPoP-Nonce, ETag, Hearth-Notice, RateLimit-Limit, RateLimit-Policy, "
    "RateLimit-Remaining, RateLimit-Reset, Retry-After, WWW-Authenticate, X-Request-Id"
)
MAX_AGE_S = 86_400

ANY_ORIGIN = ("Access-Control-Allow-Origin", "*")
EXPOSE = ("Access-Control-Expose-Headers", EXPOSED)  # read by browsers only, so not always sent

_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")


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
