"""DPoP proofs: a client shows with each request that it holds the key its tokens are bound to.

What makes a proof single-use is remembering its ``jti``, which needs a store and so is up to the
caller: ``verify_proof`` returns the id, and until when it must be remembered. What it refuses is
not spent: after ``use_dpop_nonce`` the same id may come again.

Spec: https://www.rfc-editor.org/rfc/rfc9449#section-4.3
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pds.atproto.oauth import base64url
from pds.atproto.oauth.dpop_nonces import DpopNonces
from pds.atproto.oauth.jwk import InvalidJwkError, Jwk, parse_jwk
from pds.atproto.oauth.signed_jwt import (
    InvalidJwtError,
    SignedJwt,
    check_times,
    read_jwt,
    token_id,
)
from pds.atproto.oauth.web_url import InvalidUrlError, normal_path, parse_web_url

MAX_AGE_S: Final = 10
# Clocks of phones are often wrong by minutes.
CLOCK_TOLERANCE_S: Final = 180
REPLAY_MEMORY_S: Final = 198

_QUERY: Final = re.compile(r"[?#]")

ErrorName: TypeAlias = Literal["invalid_dpop_proof", "use_dpop_nonce"]


class DpopError(ValueError):
    """The proof is refused; ``error`` is the name for the wire.

    With ``use_dpop_nonce`` the client shall try again with the nonce that the answer carries.
    """

    def __init__(self, error: ErrorName, message: str) -> None:
        super().__init__(message)
        self.error: Final = error


@dataclass(frozen=True, slots=True)
class DpopProof:
    """A good proof, if its ``jti`` has not been seen before.

    ``thumbprint`` names the key (``jkt``); ``jti`` must be remembered until ``expires_at`` (Unix
    seconds), after which this proof is too old anyway.
    """

    thumbprint: str
    jti: str
    expires_at: int


def verify_proof(
    proof: str,
    *,
    method: str,
    url: str,
    now: float,
    nonces: DpopNonces,
    access_token: str | None = None,
) -> DpopProof:
    """Check the value of the one ``DPoP`` header of a request.

    ``url`` is the public one of the request, never made from its Host header. ``access_token`` is
    the one that comes with the request, if any: the proof must then be about it.

    Raises:
        DpopError: see there.
    """
    jwt, key = _read(proof)
    issued = _checked_times(jwt, now)
    jti = _checked_id(jwt)
    _check_nonce(jwt, nonces, now)
    if jwt.claims.get("htm") != method:
        raise _invalid('"htm" is not the method of the request')
    _check_target(jwt, url)
    _check_token(jwt, access_token)
    last_use = max(now + REPLAY_MEMORY_S, issued + MAX_AGE_S + CLOCK_TOLERANCE_S)
    return DpopProof(key.thumbprint, jti, int(last_use) + 1)


def access_token_hash(access_token: str) -> str:
    """What ``ath`` must be: the base64url of the token's SHA-256."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest())


def _read(proof: str) -> tuple[SignedJwt, Jwk]:
    """The proof, and the key in its header, which has signed it."""
    if not proof:
        raise _invalid("the DPoP header is empty")
    # Servers join headers of the same name.
    if "," in proof:
        raise _invalid("more than one DPoP header")
    try:
        jwt = read_jwt(proof)
        if jwt.media_type != "dpop+jwt":
            raise _invalid('"typ" must be dpop+jwt')
        key = parse_jwk(jwt.header.get("jwk"))
    except InvalidJwtError as error:
        raise _invalid(str(error)) from error
    except InvalidJwkError as error:
        raise _invalid(f'the header\'s "jwk": {error}') from error
    if not jwt.is_signed_by(key):
        raise _invalid("the signature does not fit the key")
    return jwt, key


def _checked_times(jwt: SignedJwt, now: float) -> float:
    try:
        return check_times(jwt, now=now, max_age_s=MAX_AGE_S, leeway_s=CLOCK_TOLERANCE_S)
    except InvalidJwtError as error:
        raise _invalid(str(error)) from error


def _checked_id(jwt: SignedJwt) -> str:
    try:
        return token_id(jwt)
    except InvalidJwtError as error:
        raise _invalid(str(error)) from error


def _check_nonce(jwt: SignedJwt, nonces: DpopNonces, now: float) -> None:
    nonce = jwt.claims.get("nonce")
    if nonce is None:
        raise DpopError("use_dpop_nonce", "the proof must hold a nonce")
    if not isinstance(nonce, str):
        raise _invalid('"nonce" must be a string')
    if not nonces.accepts(nonce, now):
        raise DpopError("use_dpop_nonce", "the nonce in the proof is not, or no longer, accepted")


def _check_target(jwt: SignedJwt, url: str) -> None:
    """Compare without query and fragment, which a client should leave away and some do not."""
    target = jwt.claims.get("htu")
    if not isinstance(target, str):
        raise _invalid('"htu" is missing')
    try:
        stated, ours = (parse_web_url(_QUERY.split(text, 1)[0]) for text in (target, url))
    except InvalidUrlError as error:
        raise _invalid(f'"htu": {error}') from error
    if stated.has_credentials:
        raise _invalid('"htu" must not hold credentials')
    if stated.origin != ours.origin or normal_path(stated.path) != normal_path(ours.path):
        raise _invalid('"htu" is not the URL of the request')


def _check_token(jwt: SignedJwt, access_token: str | None) -> None:
    if access_token is None:
        if "ath" in jwt.claims:
            raise _invalid('"ath" in a request without an access token')
    elif jwt.claims.get("ath") != access_token_hash(access_token):
        raise _invalid('"ath" is not the hash of the access token')


def _invalid(message: str) -> DpopError:
    return DpopError("invalid_dpop_proof", message)
