"""Request objects: the parameters of an authorization request in a JWT that the client has signed.

Only signed ones: an unsigned object says no more than the same parameters without it. As with
assertions, that one is used once only is the caller's to remember.

Spec: https://www.rfc-editor.org/rfc/rfc9101
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from pds.atproto.oauth.jwk import JwkSet
from pds.atproto.oauth.signed_jwt import (
    InvalidJwtError,
    SignedJwt,
    check_audience,
    check_signature,
    check_times,
    read_jwt,
    token_id,
)

MAX_AGE_S: Final = 59
LEEWAY_S: Final = 30  # as for client assertions

_TYPES: Final = frozenset({None, "jwt", "oauth-authz-req+jwt"})
# What the token says about itself; all else is what it asks for.
_OWN_CLAIMS: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})


@dataclass(frozen=True, slots=True)
class RequestObject:
    """A good object, if its ``jti`` has not been seen before from this client.

    parameters: its claims but for those about itself, of any JSON type. ``jti`` must be remembered
    until ``expires_at`` (Unix seconds), after which the object is too old anyway.
    """

    parameters: dict[str, Any]
    jti: str
    expires_at: int


def verify_request_object(
    text: str, *, client_id: str, issuer: str, keys: JwkSet, now: float
) -> RequestObject:
    """Check an object of ``client_id`` against the keys it publishes.

    Raises:
        UnknownKeyError: ask again with fresh keys, if these were kept for a while.
        InvalidJwtError: anything else.
    """
    jwt = read_jwt(text)
    _check_claims(jwt, client_id=client_id, issuer=issuer)
    issued = check_times(jwt, now=now, max_age_s=MAX_AGE_S, leeway_s=LEEWAY_S)
    jti = token_id(jwt)
    check_signature(jwt, keys)
    return RequestObject(
        {name: value for name, value in jwt.claims.items() if name not in _OWN_CLAIMS},
        jti,
        math.floor(issued + MAX_AGE_S + LEEWAY_S) + 1,
    )


def _check_claims(jwt: SignedJwt, *, client_id: str, issuer: str) -> None:
    if jwt.media_type not in _TYPES:
        raise InvalidJwtError('"typ" is that of another kind of token')
    if jwt.claims.get("iss") != client_id:
        raise InvalidJwtError('"iss" must be the client_id')
    # A client's id as subject makes it an assertion, which must not pass for this, nor this for it.
    if jwt.claims.get("sub") == client_id:
        raise InvalidJwtError('"sub" must not be the client_id')
    if jwt.claims.get("client_id", client_id) != client_id:
        raise InvalidJwtError('"client_id" must be the one of the request')
    check_audience(jwt, issuer)
