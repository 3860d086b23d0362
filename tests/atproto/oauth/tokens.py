"""Keys of every algorithm and tokens signed with them, by the JWT library that clients may use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, get_default_algorithms

from pds.atproto.oauth import base64url
from pds.atproto.oauth.jwk import ALGORITHMS, Jwk, parse_jwk

_CURVES = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
    "ES256K": ec.SECP256K1(),
}


@dataclass(frozen=True)
class KeyPair:
    private: Any
    algorithm: str

    @property
    def json(self) -> dict[str, Any]:
        """The public key as bare JSON: no ``kid``, ``use``, ``key_ops`` or ``alg``."""
        kind = RSAAlgorithm if self.algorithm[0] != "E" else ECAlgorithm
        members = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {k: v for k, v in members.items() if k in {"kty", "crv", "x", "y", "n", "e"}}

    @property
    def jwk(self) -> Jwk:
        return parse_jwk(self.json)

    def published(self, kid: str, **members: Any) -> dict[str, Any]:
        return self.json | {"kid": kid} | members


@cache
def rsa_private(bits: int, number: int) -> rsa.RSAPrivateKey:
    """Made once for each ``number``, because it takes a while."""
    assert number >= 0
    return rsa.generate_private_key(65537, bits)


@cache
def _ec_private(algorithm: str, number: int) -> ec.EllipticCurvePrivateKey:
    assert number >= 0
    return ec.generate_private_key(_CURVES[algorithm])


def key_pair(algorithm: str = "ES256", number: int = 0) -> KeyPair:
    """The same key whenever the arguments are the same; another ``number``, another key."""
    assert algorithm in ALGORITHMS
    if algorithm in _CURVES:
        return KeyPair(_ec_private(algorithm, number), algorithm)
    return KeyPair(rsa_private(2048, number), algorithm)


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64url.encode(raw)


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without the fields that are None, so that a test can take one away."""
    return {name: value for name, value in fields.items() if value is not None}


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: KeyPair) -> str:
    """A compact JWT, its ``alg`` the key's unless the header states another."""
    head = present({"alg": key.algorithm} | dict(header))
    text = f"{part(head)}.{part(present(claims))}"
    signature = get_default_algorithms()[key.algorithm].sign(text.encode(), key.private)
    return f"{text}.{base64url.encode(signature)}"
