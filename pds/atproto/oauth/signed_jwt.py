"""Signed JWTs that clients send: read one, verify it with a given key, check its times.

Reading and verifying are two steps because the key is only known after reading: it is in the
header (DPoP proofs) or the header names it (client assertions). No JWT library: they choose key and
algorithm by their own rules, and here both must be fixed before anything is computed.

Signatures with a high s pass, as most JWT libraries make them; nothing rests on a token having but
one signature, because replays are known by ``jti``.

Spec: https://www.rfc-editor.org/rfc/rfc7515, rfc7518 section 3, rfc7519
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from pds.atproto import dag_json
from pds.atproto.oauth import base64url
from pds.atproto.oauth.jwk import ALGORITHMS, Jwk, JwkSet

MAX_TOKEN_LENGTH: Final = 8192
MAX_TOKEN_ID_LENGTH: Final = 512

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


class InvalidJwtError(ValueError):
    """Malformed, of no supported algorithm, or out of its time; the message says which."""


class UnknownKeyError(InvalidJwtError):
    """It names a key that the set lacks; the client may have published it just now."""


@dataclass(frozen=True, slots=True)
class SignedJwt:
    """A token as it was read; nothing in it is proven before ``is_signed_by`` says so."""

    header: dict[str, Any]
    claims: dict[str, Any]
    algorithm: str
    signing_input: bytes
    signature: bytes

    @property
    def media_type(self) -> str | None:
        """``typ`` in lower case and without ``application/``, which says nothing."""
        kind = self.header.get("typ")
        return kind.lower().removeprefix("application/") if isinstance(kind, str) else None

    def is_signed_by(self, key: Jwk) -> bool:
        """Whether the key made the signature, with the algorithm of the header."""
        if self.algorithm not in key.algorithms:
            return False
        try:
            _verify(key, self.algorithm, self.signature, self.signing_input)
        except InvalidSignature:
            return False
        return True


def read_jwt(token: str) -> SignedJwt:
    """Read a token in compact form.

    Raises:
        InvalidJwtError: too long, not three parts of base64url with JSON objects in the first two,
            an ``alg`` that is not supported (``none`` and the symmetric ones are not), or ``crit``.
    """
    parts = token.split(".", 3) if len(token) <= MAX_TOKEN_LENGTH else []
    if len(parts) != 3:
        raise InvalidJwtError("not a signed JWT in compact form, or too long")
    header, claims, signature = _read_object(parts[0]), _read_object(parts[1]), _read(parts[2])
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise InvalidJwtError('the header\'s "alg" is missing or not supported')
    # An extension that must be understood; we know none.
    if "crit" in header:
        raise InvalidJwtError('the header demands extensions ("crit") that are not supported')
    signing_input = f"{parts[0]}.{parts[1]}".encode("ascii")
    return SignedJwt(header, claims, algorithm, signing_input, signature)


def check_times(jwt: SignedJwt, *, now: float, max_age_s: float, leeway_s: float) -> float:
    """Check ``iat``, which must be there, and ``exp`` and ``nbf``, which may be; return ``iat``.

    Raises:
        InvalidJwtError: a time is missing, no number, or on the wrong side of ``now``.
    """
    issued = _time(jwt.claims, "iat")
    if issued is None:
        raise InvalidJwtError('"iat" is missing')
    if issued < now - max_age_s - leeway_s:
        raise InvalidJwtError('"iat" is too long ago')
    if issued > now + leeway_s:
        raise InvalidJwtError('"iat" is in the future')
    expires, begins = expiry(jwt), _time(jwt.claims, "nbf")
    if expires is not None and expires <= now - leeway_s:
        raise InvalidJwtError('"exp" is past')
    if begins is not None and begins > now + leeway_s:
        raise InvalidJwtError('"nbf" is in the future')
    return issued


def expiry(jwt: SignedJwt) -> float | None:
    """``exp`` in Unix seconds, if stated.

    Raises:
        InvalidJwtError: not a number.
    """
    return _time(jwt.claims, "exp")


def check_audience(jwt: SignedJwt, issuer: str) -> None:
    """Check that it was made for ``issuer``, perhaps among others.

    Raises:
        InvalidJwtError
    """
    audience = jwt.claims.get("aud")
    if audience != issuer and not (isinstance(audience, list) and issuer in audience):
        raise InvalidJwtError(f'"aud" must be {issuer}')


def check_signature(jwt: SignedJwt, keys: JwkSet) -> tuple[Jwk, str]:
    """Check that one of ``keys`` made the signature, the one that the header names; it and its id.

    Raises:
        UnknownKeyError: ask again with fresh keys, if these were kept for a while.
        InvalidJwtError: anything else.
    """
    kid = jwt.header.get("kid")
    if not isinstance(kid, str):
        raise InvalidJwtError('the header\'s "kid" is missing')
    key = keys.find(kid, jwt.algorithm)
    if key is None and keys.has_key_id(kid):
        raise InvalidJwtError('"alg" is not one of the key named by "kid"')
    if key is None:
        raise UnknownKeyError('no key of the client has this "kid"')
    if not jwt.is_signed_by(key):
        raise InvalidJwtError("the signature does not fit the key")
    return key, kid


def token_id(jwt: SignedJwt) -> str:
    """``jti``, by which a token is known when it comes again.

    Raises:
        InvalidJwtError: missing, no string, empty, or too long to be remembered.
    """
    jti = jwt.claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_TOKEN_ID_LENGTH:
        raise InvalidJwtError(f'"jti" must be a string of 1 to {MAX_TOKEN_ID_LENGTH} characters')
    return jti


def _verify(key: Jwk, algorithm: str, signature: bytes, signing_input: bytes) -> None:
    digest = _HASHES[algorithm[2:5]]
    if isinstance(key.key, rsa.RSAPublicKey):
        key.key.verify(signature, signing_input, _rsa_padding(algorithm, digest), digest)
    else:
        der = _der(signature, key.key.curve)
        key.key.verify(der, signing_input, ec.ECDSA(digest))


def _rsa_padding(algorithm: str, digest: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if algorithm.startswith("PS"):
        return padding.PSS(padding.MGF1(digest), digest.digest_size)
    return padding.PKCS1v15()


def _der(signature: bytes, curve: ec.EllipticCurve) -> bytes:
    """From r and s, one after the other in full length, to what OpenSSL reads."""
    size = (curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        raise InvalidSignature
    r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
    return utils.encode_dss_signature(r, s)


def _time(claims: dict[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    # JSON's true is an int to Python; NaN and infinity do not get through the parser.
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidJwtError(f'"{name}" must be a number')
    return value


def _read(part: str) -> bytes:
    try:
        return base64url.decode(part)
    except ValueError as error:
        raise InvalidJwtError("a part of the JWT is not base64url") from error


def _read_object(part: str) -> dict[str, Any]:
    try:
        value = dag_json.parse(_read(part))
    except dag_json.InvalidJsonError as error:
        raise InvalidJwtError("a part of the JWT is not JSON") from error
    if not isinstance(value, dict):
        raise InvalidJwtError("a part of the JWT is not an object")
    return value
