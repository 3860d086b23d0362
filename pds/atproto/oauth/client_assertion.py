"""private_key_jwt: a confidential client shows who it is with a short JWT of its own.

As with DPoP proofs, that an assertion is used once only is the caller's to remember.

Spec: https://www.rfc-editor.org/rfc/rfc7523, https://atproto.com/specs/oauth#confidential-client-authentication
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pds.atproto.oauth.jwk import JwkSet
from pds.atproto.oauth.signed_jwt import (
    InvalidJwtError,
    SignedJwt,
    check_audience,
    check_signature,
    check_times,
    expiry,
    read_jwt,
    token_id,
)

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_AGE_S: Final = 60
# Servers' clocks are a little off too; the reference has none and gets complaints.
LEEWAY_S: Final = 30

# What clients sign with the same keys, or send to the same place, and must not pass for this.
_FOREIGN_TYPES: Final = frozenset({"dpop+jwt", "at+jwt", "oauth-authz-req+jwt"})


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """A good assertion, if its ``jti`` has not been seen before from this client.

    ``thumbprint``, ``kid`` and ``algorithm`` are what the session is bound to; ``jti`` must be
    remembered until ``expires_at`` (Unix seconds), after which the assertion is too old anyway.
    """

    kid: str
    algorithm: str
    thumbprint: str
    jti: str
    expires_at: int


def verify_assertion(
    assertion: str, *, client_id: str, issuer: str, keys: JwkSet, now: float
) -> ClientAssertion:
    """Check an assertion of ``client_id`` against the keys it publishes.

    Raises:
        UnknownKeyError: ask again with fresh keys, if these were kept for a while.
        InvalidJwtError: anything else.
    """
    jwt = read_jwt(assertion)
    _check_claims(jwt, client_id=client_id, issuer=issuer)
    issued = check_times(jwt, now=now, max_age_s=MAX_AGE_S, leeway_s=LEEWAY_S)
    jti, expires = token_id(jwt), expiry(jwt)
    key, kid = check_signature(jwt, keys)
    last_use = issued + MAX_AGE_S if expires is None else min(expires, issued + MAX_AGE_S)
    return ClientAssertion(
        kid=kid,
        algorithm=jwt.algorithm,
        thumbprint=key.thumbprint,
        jti=jti,
        expires_at=math.floor(last_use + LEEWAY_S) + 1,
    )


def check_other_key(assertion: ClientAssertion, *, dpop_thumbprint: str) -> None:
    """Check that the client signs its assertions with another key than its DPoP proofs.

    Raises:
        InvalidJwtError: the same key.
    """
    if assertion.thumbprint == dpop_thumbprint:
        raise InvalidJwtError("its key must not be the one of DPoP proofs")


def _check_claims(jwt: SignedJwt, *, client_id: str, issuer: str) -> None:
    if jwt.media_type in _FOREIGN_TYPES:
        raise InvalidJwtError('"typ" is that of another kind of token')
    for name in ("iss", "sub"):
        if jwt.claims.get(name) != client_id:
            raise InvalidJwtError(f'"{name}" must be the client_id')
    check_audience(jwt, issuer)
