"""Private and public keys on the two curves of the protocol: sign and verify.

Loading a K-256 private key costs more than signing with it (OpenSSL recomputes the public point):
callers keep the objects, and store ``to_der``, which carries the point, rather than ``to_bytes``.

Spec: https://atproto.com/specs/cryptography
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pds.atproto.crypto import did_key
from pds.atproto.crypto.did_key import Curve, InvalidKeyError, UnsupportedKeyError
from pds.atproto.crypto.signature import compact_from_der, der_from_compact

JwtAlgorithm = Literal["ES256K", "ES256"]

PRIVATE_KEY_SIZE_BYTES: Final = 32

_CURVES: Final[dict[Curve, ec.EllipticCurve]] = {"k256": ec.SECP256K1(), "p256": ec.SECP256R1()}
_NAMES: Final[dict[str, Curve]] = {curve.name: name for name, curve in _CURVES.items()}
_JWT_ALGORITHMS: Final[dict[Curve, JwtAlgorithm]] = {"k256": "ES256K", "p256": "ES256"}
# Two-byte codes of private keys: https://github.com/multiformats/multicodec
_SECRET_CODES: Final[dict[bytes, Curve]] = {b"\x81\x26": "k256", b"\x86\x26": "p256"}
_ECDSA: Final = ec.ECDSA(hashes.SHA256())


class PublicKey:
    """A point that was checked to lie on its curve."""

    def __init__(self, key: ec.EllipticCurvePublicKey, curve: Curve) -> None:
        self._key = key
        self.curve: Final = curve
        self.compressed: Final = key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
        )

    @classmethod
    def from_did_key(cls, text: str) -> PublicKey:
        """Read ``did:key:z…``.

        Raises:
            UnsupportedKeyError: a key of another type.
            InvalidKeyError: not a did:key, or not a point of the curve.
        """
        curve, compressed = did_key.decode_did_key(text)
        return cls.from_compressed(compressed, curve)

    @classmethod
    def from_multibase(cls, text: str) -> PublicKey:
        """Read a multikey, ``z…`` with the curve inside.

        Raises:
            UnsupportedKeyError: a key of another type.
            InvalidKeyError: not a multikey, or not a point of the curve.
        """
        curve, compressed = did_key.decode_multikey(text)
        return cls.from_compressed(compressed, curve)

    @classmethod
    def from_legacy_multibase(cls, text: str, curve: Curve) -> PublicKey:
        """Read ``z…`` of a bare point, compressed or not, whose curve a DID document names apart.

        Raises:
            InvalidKeyError: not base58btc, or not a point of the curve.
        """
        return cls._from_point(did_key.decode_multibase(text), curve)

    @classmethod
    def from_compressed(cls, raw: bytes, curve: Curve) -> PublicKey:
        """Read the 33 bytes of a compressed point.

        Raises:
            InvalidKeyError: another length, or not a point of the curve.
        """
        if len(raw) != did_key.COMPRESSED_SIZE_BYTES:
            raise InvalidKeyError("a compressed point has 33 bytes")
        return cls._from_point(raw, curve)

    @classmethod
    def _from_point(cls, raw: bytes, curve: Curve) -> PublicKey:
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve], raw)
        except ValueError as error:
            raise InvalidKeyError(f"not a point of {curve}") from error
        return cls(key, curve)

    @cached_property
    def did_key(self) -> str:
        return did_key.encode_did_key(self.curve, self.compressed)

    @property
    def multibase(self) -> str:
        return self.did_key.removeprefix(did_key.DID_KEY_PREFIX)

    @property
    def jwt_alg(self) -> JwtAlgorithm:
        return _JWT_ALGORITHMS[self.curve]

    def verify(self, message: bytes, signature: bytes, *, allow_high_s: bool = False) -> bool:
        """Whether ``signature`` (64 bytes) is this key's over the SHA-256 of ``message``.

        Malformed signatures are False. ``allow_high_s`` is for JWTs alone: foreign libraries do not
        normalise there, and nothing is named by the hash of a JWT.
        """
        der = der_from_compact(signature, self.curve, allow_high_s=allow_high_s)
        if der is None:
            return False
        try:
            self._key.verify(der, message, _ECDSA)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.did_key == other.did_key

    def __hash__(self) -> int:
        return hash(self.did_key)

    def __repr__(self) -> str:
        return f"PublicKey({self.did_key!r})"


class PrivateKey:
    """A signing key. Its repr shows the public half only."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, curve: Curve) -> None:
        self._key = key
        self.curve: Final = curve
        self.public: Final = PublicKey(key.public_key(), curve)

    @classmethod
    def generate(cls, curve: Curve = "k256") -> PrivateKey:
        return cls(ec.generate_private_key(_CURVES[curve]), curve)

    @classmethod
    def from_bytes(cls, raw: bytes, curve: Curve = "k256") -> PrivateKey:
        """Read the 32 big-endian bytes of the secret number.

        Raises:
            InvalidKeyError: another length, zero, or not below the order of the curve.
        """
        if len(raw) != PRIVATE_KEY_SIZE_BYTES:
            raise InvalidKeyError("a private key has 32 bytes")
        try:
            key = ec.derive_private_key(int.from_bytes(raw, "big"), _CURVES[curve])
        except ValueError as error:
            raise InvalidKeyError("the private key is out of the curve's range") from error
        return cls(key, curve)

    @classmethod
    def from_text(cls, text: str) -> PrivateKey:
        """Read 64 hexadecimal digits (K-256), or the multibase form ``z…`` of a curve's key.

        Raises:
            UnsupportedKeyError: a key of another type.
            InvalidKeyError: neither of the two, or no key.
        """
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            return cls.from_bytes(bytes.fromhex(text))
        raw = did_key.decode_multibase(text)
        curve = _SECRET_CODES.get(raw[:2])
        if curve is None:
            raise UnsupportedKeyError("only k256 and p256 keys are supported")
        return cls.from_bytes(raw[2:], curve)

    @classmethod
    def from_der(cls, raw: bytes) -> PrivateKey:
        """Read unencrypted PKCS#8, as written by ``to_der``.

        Raises:
            UnsupportedKeyError: a key of another type.
            InvalidKeyError: not PKCS#8.
        """
        try:
            key = serialization.load_der_private_key(raw, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise InvalidKeyError("not an unencrypted PKCS#8 private key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in _NAMES:
            raise UnsupportedKeyError("only k256 and p256 keys are supported")
        return cls(key, _NAMES[key.curve.name])

    def to_bytes(self) -> bytes:
        secret = self._key.private_numbers().private_value
        return secret.to_bytes(PRIVATE_KEY_SIZE_BYTES, "big")

    def to_der(self) -> bytes:
        """PKCS#8 with the public point, the form that loads fastest."""
        return self._key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def did_key(self) -> str:
        return self.public.did_key

    @property
    def jwt_alg(self) -> JwtAlgorithm:
        return self.public.jwt_alg

    def sign(self, message: bytes) -> bytes:
        """Sign the SHA-256 of ``message``: 64 bytes, low s."""
        return compact_from_der(self._key.sign(message, _ECDSA), self.curve)

    def __repr__(self) -> str:
        return f"PrivateKey({self.did_key!r})"
