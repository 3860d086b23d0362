"""Public keys as JSON (JWK), as OAuth clients publish them or put them into a proof.

Every key has exactly one accepted form: coordinates of full length, numbers without leading zeros.
Otherwise one key would have many thumbprints, and "is this the same key?" no answer.

Two kinds of fault: ``UnsupportedJwkError`` for keys that may be good for others but not for us
(other types and curves, keys for encryption), which a set may hold and which are passed over there;
and ``InvalidJwkError`` for all that nobody should publish, above all private parts.

Spec: https://www.rfc-editor.org/rfc/rfc7517, rfc7518 section 6, rfc7638 (thumbprints)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pds.atproto.oauth import base64url

# In the order in which the server's metadata list them.
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES256K",
    "ES384",
    "ES512",
)
MIN_RSA_BITS: Final = 2048
# Verifying takes time that grows with the square of the modulus and with the bits of the exponent:
# with these a millisecond, with an exponent of 32 bits 15. No library makes keys with another.
MAX_RSA_BITS: Final = 8192
MAX_RSA_EXPONENT: Final = 65_537
MAX_KEY_ID_LENGTH: Final = 512
MAX_KEYS_IN_SET: Final = 100
KEPT_POINTS: Final = 1_024

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_CURVES: Final[dict[str, tuple[ec.EllipticCurve, str]]] = {
    "P-256": (ec.SECP256R1(), "ES256"),
    "P-384": (ec.SECP384R1(), "ES384"),
    "P-521": (ec.SECP521R1(), "ES512"),
    "secp256k1": (ec.SECP256K1(), "ES256K"),
}
_RSA_ALGORITHMS: Final = frozenset(name for name in ALGORITHMS if name[:2] in {"RS", "PS"})
# Of every type; "k" is a shared secret.
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PRIVATE_OPERATIONS: Final = frozenset({"sign", "decrypt", "unwrapKey", "deriveKey", "deriveBits"})


class InvalidJwkError(ValueError):
    """Not a public key; the message says why."""


class UnsupportedJwkError(InvalidJwkError):
    """Perhaps a key, but not one that verifies signatures here."""


@dataclass(frozen=True, slots=True)
class Jwk:
    """A public key; ``algorithms`` are those of ``ALGORITHMS`` that its owner may sign with.

    ``thumbprint`` is the base64url of the SHA-256 of RFC 7638 (``jkt`` in tokens).
    """

    key: PublicKey
    algorithms: frozenset[str]
    thumbprint: str
    kid: str | None


@dataclass(frozen=True, slots=True)
class JwkSet:
    keys: tuple[Jwk, ...]

    def find(self, kid: str, algorithm: str) -> Jwk | None:
        """The key of that id if it is one for the algorithm."""
        for key in self.keys:
            if key.kid == kid and algorithm in key.algorithms:
                return key
        return None

    def has_key_id(self, kid: str) -> bool:
        return any(key.kid == kid for key in self.keys)


def parse_jwk(value: Any) -> Jwk:
    """Read a public key for signatures from its JSON.

    Raises:
        UnsupportedJwkError: another type or curve, an RSA key too short or too long, or a key that
            its owner meant for encryption.
        InvalidJwkError: anything else, private parts first.
    """
    if not isinstance(value, dict):
        raise InvalidJwkError("a key must be an object")
    private = sorted(_PRIVATE_MEMBERS & value.keys())
    if private:
        raise InvalidJwkError(f'a public key must not hold the private member "{private[0]}"')
    key, algorithms, members = _key_material(value)
    _check_use(value)
    return Jwk(key, _stated_algorithms(value, algorithms), _thumbprint(members), _key_id(value))


def parse_jwk_set(value: Any) -> JwkSet:
    """Read the keys of a client, which must have ids; unsupported keys are passed over.

    Raises:
        InvalidJwkError: not a set, too many keys, a faulty one, or two that cannot be told apart.
    """
    items = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise InvalidJwkError('a key set must be an object with a list "keys"')
    if len(items) > MAX_KEYS_IN_SET:
        raise InvalidJwkError(f"a key set may hold {MAX_KEYS_IN_SET} keys at most")
    keys = tuple(_supported(items))
    names = [(key.kid, algorithm) for key in keys for algorithm in key.algorithms]
    if len(set(names)) != len(names):
        raise InvalidJwkError("two keys of the set have the same kid")
    return JwkSet(keys)


def _supported(items: Iterable[Any]) -> Iterable[Jwk]:
    for position, item in enumerate(items):
        try:
            key = parse_jwk(item)
        except UnsupportedJwkError:
            continue
        except InvalidJwkError as error:
            raise InvalidJwkError(f"key {position}: {error}") from error
        if key.kid is None:
            raise InvalidJwkError(f'key {position}: "kid" is missing')
        yield key


def _key_material(value: dict[str, Any]) -> tuple[PublicKey, frozenset[str], dict[str, str]]:
    """The key, what it can do, and the members its thumbprint is made of."""
    kind = value.get("kty")
    if not isinstance(kind, str):
        raise InvalidJwkError('"kty" is missing')
    if kind == "EC":
        return _ec_key(value)
    if kind == "RSA":
        return _rsa_key(value)
    raise UnsupportedJwkError("only EC and RSA keys are supported")


def _ec_key(value: dict[str, Any]) -> tuple[PublicKey, frozenset[str], dict[str, str]]:
    name = value.get("crv")
    if not isinstance(name, str):
        raise InvalidJwkError('"crv" is missing')
    if name not in _CURVES:
        raise UnsupportedJwkError(f"the supported curves are {', '.join(_CURVES)}")
    key = _point(name, _text(value, "x"), _text(value, "y"))
    members = {"crv": name, "kty": "EC", "x": value["x"], "y": value["y"]}
    return key, frozenset({_CURVES[name][1]}), members


@lru_cache(maxsize=KEPT_POINTS)
def _point(name: str, x: str, y: str) -> ec.EllipticCurvePublicKey:
    """The point with these coordinates; the last ones are kept, as an app shows its key each time.

    It saves some 30 of the 200 µs that a proof takes.
    """
    curve = _CURVES[name][0]
    size = (curve.key_size + 7) // 8
    raw_x, raw_y = _decoded(x, "x"), _decoded(y, "y")
    if len(raw_x) != size or len(raw_y) != size:
        raise InvalidJwkError(f"the coordinates of a {name} key must have {size} bytes")
    numbers = ec.EllipticCurvePublicNumbers(_number(raw_x), _number(raw_y), curve)
    try:
        key = numbers.public_key()
    except ValueError as error:
        raise InvalidJwkError(f"not a point of {name}") from error
    # OpenSSL takes coordinates modulo the field, so small ones have a second form.
    if key.public_numbers() != numbers:
        raise InvalidJwkError(f"the coordinates are beyond the field of {name}")
    return key


def _rsa_key(value: dict[str, Any]) -> tuple[PublicKey, frozenset[str], dict[str, str]]:
    modulus, exponent = _bytes(value, "n"), _bytes(value, "e")
    if modulus[:1] in {b"", b"\x00"} or exponent[:1] in {b"", b"\x00"}:
        raise InvalidJwkError("the numbers of an RSA key must not begin with a zero byte")
    n, e = _number(modulus), _number(exponent)
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS:
        message = f"an RSA key must have between {MIN_RSA_BITS} and {MAX_RSA_BITS} bits"
        raise UnsupportedJwkError(message)
    if e > MAX_RSA_EXPONENT:
        raise UnsupportedJwkError("the exponent of the RSA key is too large")
    try:
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError as error:
        raise InvalidJwkError("not an RSA key") from error
    return key, _RSA_ALGORITHMS, {"e": value["e"], "kty": "RSA", "n": value["n"]}


def _check_use(value: dict[str, Any]) -> None:
    """Check that ``use`` and ``key_ops``, where stated, agree and let the key verify."""
    use, operations = value.get("use", "sig"), value.get("key_ops", ["verify"])
    if not isinstance(use, str):
        raise InvalidJwkError('"use" must be a string')
    if not isinstance(operations, list) or not all(isinstance(name, str) for name in operations):
        raise InvalidJwkError('"key_ops" must be a list of strings')
    if len(set(operations)) != len(operations):
        raise InvalidJwkError('"key_ops" repeats itself')
    if not _PRIVATE_OPERATIONS.isdisjoint(operations):
        raise InvalidJwkError('"key_ops" of a public key names what only a private key can do')
    by_use, by_operations = use == "sig", "verify" in operations
    if by_use != by_operations and "use" in value and "key_ops" in value:
        raise InvalidJwkError('"use" and "key_ops" contradict each other')
    if not (by_use and by_operations):
        raise UnsupportedJwkError("the key is not one for signatures")


def _stated_algorithms(value: dict[str, Any], possible: frozenset[str]) -> frozenset[str]:
    if "alg" not in value:
        return possible
    stated = value["alg"]
    if not isinstance(stated, str):
        raise InvalidJwkError('"alg" must be a string')
    if stated in possible:
        return frozenset({stated})
    if stated in ALGORITHMS:
        raise InvalidJwkError(f'"alg" {stated} does not fit the type of the key')
    raise UnsupportedJwkError('"alg" is none of the supported signature algorithms')


def _key_id(value: dict[str, Any]) -> str | None:
    if "kid" not in value:
        return None
    kid = value["kid"]
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KEY_ID_LENGTH:
        raise InvalidJwkError(f'"kid" must be a string of 1 to {MAX_KEY_ID_LENGTH} characters')
    return kid


def _thumbprint(members: dict[str, str]) -> str:
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64url.encode(hashlib.sha256(text.encode("ascii")).digest())


def _bytes(value: dict[str, Any], name: str) -> bytes:
    return _decoded(_text(value, name), name)


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise InvalidJwkError(f'"{name}" is missing')
    return text


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError as error:
        raise InvalidJwkError(f'"{name}" is not base64url') from error


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
