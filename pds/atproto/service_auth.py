"""Inter-service tokens: short JWTs by which an account, through its server, calls another server.

Made and read here without a JWT library: the usual one's ES256K signatures are not low-S, and the
key is only known once the issuer's DID is resolved, between reading and verifying.

Spec: https://atproto.com/specs/xrpc#inter-service-authentication-jwt
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeGuard

from pds.atproto import dag_json
from pds.atproto.crypto.keypair import PrivateKey, PublicKey
from pds.atproto.syntax.did import is_did

LIFETIME_S: Final = 60
MAX_TOKEN_LENGTH: Final = 8192

ErrorName: TypeAlias = Literal[
    "BadJwt", "BadJwtType", "JwtExpired", "BadJwtAudience", "BadJwtLexiconMethod", "BadJwtIss"
]

# Tokens of other kinds, which must not be taken for this one.
_FOREIGN_TYPES: Final = frozenset({"at+jwt", "refresh+jwt", "dpop+jwt"})
_ALGORITHMS: Final = frozenset({"ES256", "ES256K"})
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
# An issuer may name one of its services.
_ISSUING_SERVICES: Final = ("", "#atproto_labeler")


class ServiceAuthError(ValueError):
    """The token cannot be accepted; ``error`` is the name for the wire."""

    def __init__(self, error: ErrorName, message: str) -> None:
        super().__init__(message)
        self.error: Final = error


@dataclass(frozen=True, slots=True)
class ServiceClaims:
    """What a token says; times in seconds."""

    iss: str
    aud: str
    lxm: str | None
    exp: float
    iat: float | None
    jti: str | None

    @property
    def issuer_did(self) -> str:
        """``iss`` without the service that it may name."""
        return self.iss.partition("#")[0]


def create_service_token(  # noqa: PLR0913 (one argument per claim)
    *,
    iss: str,
    aud: str,
    lxm: str | None,
    key: PrivateKey,
    now: int,
    exp: int | None = None,
    jti: str,
) -> str:
    """A signed token; without ``exp`` (Unix seconds) it lives for a minute after ``now``."""
    header = {"typ": "JWT", "alg": key.jwt_alg}
    claims: dict[str, Any] = {
        "iat": now,
        "iss": iss,
        "aud": aud,
        "exp": now + LIFETIME_S if exp is None else exp,
        "jti": jti,
    }
    if lxm is not None:
        claims["lxm"] = lxm
    signing_input = f"{_encode_json(header)}.{_encode_json(claims)}"
    return f"{signing_input}.{_encode(key.sign(signing_input.encode('ascii')))}"


def decode_service_token(token: str, *, now: int) -> tuple[ServiceClaims, bytes, bytes]:
    """Read a token; return its claims, the bytes that are signed, and the signature.

    Nothing is proven yet: the caller checks the claims, finds the issuer's key and verifies.

    Raises:
        ServiceAuthError: BadJwt (malformed), BadJwtType, BadJwtIss (not a DID) or JwtExpired.
    """
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_LENGTH:
        raise ServiceAuthError("BadJwt", "poorly formatted jwt")
    header, payload = _decode_json(parts[0]), _decode_json(parts[1])
    signature = _decode(parts[2])
    kind, algorithm = header.get("typ"), header.get("alg")
    if isinstance(kind, str) and kind in _FOREIGN_TYPES:
        raise ServiceAuthError("BadJwtType", f'invalid jwt type "{kind}"')
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise ServiceAuthError("BadJwt", "jwt algorithm must be ES256K or ES256")
    claims = _read_claims(payload)
    if claims.exp < now:
        raise ServiceAuthError("JwtExpired", "jwt expired")
    return claims, f"{parts[0]}.{parts[1]}".encode("ascii"), signature


def check_service_claims(claims: ServiceClaims, *, audiences: Collection[str], lxm: str) -> None:
    """Check that the token was made for us and for this method.

    Raises:
        ServiceAuthError: BadJwtLexiconMethod or BadJwtAudience.
    """
    if claims.lxm is None:
        message = f'missing jwt lexicon method ("lxm"). must match: {lxm}'
        raise ServiceAuthError("BadJwtLexiconMethod", message)
    if claims.lxm != lxm:
        message = f'bad jwt lexicon method ("lxm"). must match: {lxm}'
        raise ServiceAuthError("BadJwtLexiconMethod", message)
    if claims.aud not in audiences:
        raise ServiceAuthError("BadJwtAudience", "jwt audience does not match service did")


def verify_service_signature(key: PublicKey, signing_input: bytes, signature: bytes) -> bool:
    """Whether ``key`` signed; high-S passes, because foreign JWT libraries do not normalise."""
    return key.verify(signing_input, signature, allow_high_s=True)


def _read_claims(payload: dict[str, Any]) -> ServiceClaims:
    iss, aud, lxm, exp = (payload.get(name) for name in ("iss", "aud", "lxm", "exp"))
    iat, jti = payload.get("iat"), payload.get("jti")
    if not isinstance(iss, str) or not isinstance(aud, str) or not _is_time(exp):
        raise ServiceAuthError("BadJwt", "poorly formatted jwt")
    if not isinstance(lxm, str | None) or not isinstance(jti, str | None):
        raise ServiceAuthError("BadJwt", "poorly formatted jwt")
    if iat is not None and not _is_time(iat):
        raise ServiceAuthError("BadJwt", "poorly formatted jwt")
    did, separator, fragment = iss.partition("#")
    if not is_did(did) or separator + fragment not in _ISSUING_SERVICES:
        raise ServiceAuthError("BadJwtIss", "jwt issuer is not a DID")
    return ServiceClaims(iss, aud, lxm, exp, iat, jti)


def _is_time(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _encode_json(value: dict[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode("ascii"))


def _decode(text: str) -> bytes:
    if _BASE64URL.fullmatch(text) is not None and len(text) % 4 != 1:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if _encode(raw) == text:
            return raw
    raise ServiceAuthError("BadJwt", "poorly formatted jwt")


def _decode_json(text: str) -> dict[str, Any]:
    try:
        value = dag_json.parse(_decode(text))
    except dag_json.InvalidJsonError as error:
        raise ServiceAuthError("BadJwt", "poorly formatted jwt") from error
    if not isinstance(value, dict):
        raise ServiceAuthError("BadJwt", "poorly formatted jwt")
    return value
