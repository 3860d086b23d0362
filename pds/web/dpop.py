"""Requests that come with ``Authorization: DPoP``: what they bring, and what every answer says.

Browsers cannot read any of these headers unless they are exposed: see ``pds.web.cors``.
Spec: https://www.rfc-editor.org/rfc/rfc9449#section-7
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pds.atproto.oauth.jwk import ALGORITHMS
from pds.oauth_errors import OAuthError
from pds.web.request_log import ENVIRON_KEY, RequestInfo

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask import Response


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of who sends it.

    authorization: the header. proofs: every ``DPoP`` header; the server has joined several by
    commas, which no proof holds. path: as it was sent, without the query.
    """

    authorization: str | None
    proofs: tuple[str, ...] = ()
    http_method: str = "GET"
    path: str = "/"

    @classmethod
    def of(cls, environ: WSGIEnvironment) -> Credentials:
        info: RequestInfo = environ[ENVIRON_KEY]
        proof = environ.get("HTTP_DPOP")
        return cls(
            environ.get("HTTP_AUTHORIZATION"),
            () if proof is None else (proof,),
            info.method,
            info.path,
        )

    @property
    def is_dpop(self) -> bool:
        return is_dpop(self.authorization)


def is_dpop(authorization: str | None) -> bool:
    return authorization is not None and authorization.partition(" ")[0].lower() == "dpop"


def challenge(error: Exception) -> str:
    """What a 401 says in ``WWW-Authenticate``: clients act on the error's name there."""
    text = f'DPoP algs="{" ".join(ALGORITHMS)}"'
    if isinstance(error, OAuthError):
        text += f', error="{error.error}", error_description="{quotable(error.message)}"'
    return text


def complete(response: Response, nonce: str) -> None:
    """Give the next nonce along; it is this client's, as is whatever else the answer holds."""
    response.headers["DPoP-Nonce"] = nonce
    response.headers.setdefault("Cache-Control", "private")
    response.vary.add("Authorization")


def quotable(text: str) -> str:
    """What may stand between quotes without escapes (RFC 6750, section 3)."""
    return "".join(char if " " <= char <= "~" and char != "\\" else "?" for char in text).replace(
        '"', "'"
    )
