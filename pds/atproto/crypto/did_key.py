"""The text forms of a public key: base58btc, multikey (``z…``) and did:key.

A multikey is ``z`` and the base58btc of a two-byte curve code and the compressed point; a did:key
is ``did:key:`` and the multikey. Only the text is checked here; ``PublicKey`` checks the point.

Spec: https://atproto.com/specs/cryptography#public-key-encoding
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Curve: TypeAlias = Literal["k256", "p256"]

COMPRESSED_SIZE_BYTES: Final = 33
DID_KEY_PREFIX: Final = "did:key:"

_CODES: Final[dict[Curve, bytes]] = {"k256": b"\xe7\x01", "p256": b"\x80\x24"}
_CURVES: Final[dict[bytes, Curve]] = {code: curve for curve, code in _CODES.items()}
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {char: digit for digit, char in enumerate(_ALPHABET)}
# Decoding base58 takes quadratic time; the keys that are longer (RSA) are refused anyway.
_MAX_TEXT: Final = 1024


class InvalidKeyError(ValueError):
    """Not a key: malformed text, wrong length, or no point of the curve."""


class UnsupportedKeyError(InvalidKeyError):
    """A well-formed key of a type other than k256 and p256."""


def base58_encode(raw: bytes) -> str:
    """Bitcoin's base58; each leading zero byte becomes a ``1``."""
    number = int.from_bytes(raw, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    zeros = len(raw) - len(raw.lstrip(b"\x00"))
    return "1" * zeros + "".join(reversed(digits))


def base58_decode(text: str) -> bytes:
    """The bytes behind a base58 text.

    Raises:
        InvalidKeyError: a character outside the alphabet, or text too long to be a key.
    """
    if len(text) > _MAX_TEXT:
        raise InvalidKeyError("the base58 text is too long to be a key")
    number = 0
    for char in text:
        digit = _DIGITS.get(char)
        if digit is None:
            raise InvalidKeyError("a character outside the base58 alphabet")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def encode_multikey(curve: Curve, compressed: bytes) -> str:
    return "z" + base58_encode(_CODES[curve] + compressed)


def decode_multikey(text: str) -> tuple[Curve, bytes]:
    """Read ``z…`` into the curve and the 33 bytes of the compressed point.

    Raises:
        UnsupportedKeyError: a multikey of another type, such as Ed25519.
        InvalidKeyError: not a multikey.
    """
    raw = decode_multibase(text)
    curve = _CURVES.get(raw[:2])
    if curve is None:
        raise UnsupportedKeyError("only k256 and p256 keys are supported")
    if len(raw) != 2 + COMPRESSED_SIZE_BYTES:
        raise InvalidKeyError("a multikey must hold a compressed point of 33 bytes")
    return curve, raw[2:]


def decode_multibase(text: str) -> bytes:
    """The bytes behind multibase base58btc (``z…``), whatever they mean.

    Raises:
        InvalidKeyError: another multibase, or not base58.
    """
    if text[:1] != "z":
        raise InvalidKeyError("a key must be multibase base58btc and begin with 'z'")
    return base58_decode(text[1:])


def encode_did_key(curve: Curve, compressed: bytes) -> str:
    return DID_KEY_PREFIX + encode_multikey(curve, compressed)


def decode_did_key(text: str) -> tuple[Curve, bytes]:
    """Read ``did:key:z…`` into the curve and the 33 bytes of the compressed point.

    Raises:
        UnsupportedKeyError: a did:key of another type.
        InvalidKeyError: not a did:key.
    """
    if not text.startswith(DID_KEY_PREFIX):
        raise InvalidKeyError("a did:key must begin with 'did:key:'")
    return decode_multikey(text.removeprefix(DID_KEY_PREFIX))
