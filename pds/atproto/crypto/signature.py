"""The one accepted form of an ECDSA signature: r and s, 32 bytes each, with s in the lower half.

For every valid (r, s) the pair (r, n - s) is valid too. Accepting both would let anyone change a
signed block, and so its CID, without the key. OpenSSL speaks DER and yields either half.

Spec: https://atproto.com/specs/cryptography#ecdsa-signature-malleability
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from pds.atproto.crypto.did_key import Curve

SIGNATURE_SIZE_BYTES: Final = 64

_ORDERS: Final[dict[Curve, int]] = {
    "k256": 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141,
    "p256": 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551,
}


def compact_from_der(der: bytes, curve: Curve) -> bytes:
    """Turn a DER signature into 64 bytes, moving s into the lower half.

    Raises:
        ValueError: not DER.
    """
    r, s = decode_dss_signature(der)
    order = _ORDERS[curve]
    if s > order >> 1:
        s = order - s
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def der_from_compact(signature: bytes, curve: Curve, *, allow_high_s: bool = False) -> bytes | None:
    """Turn 64 bytes into DER; None for another length, numbers out of range, or a high s."""
    if len(signature) != SIGNATURE_SIZE_BYTES:
        return None
    order = _ORDERS[curve]
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    highest_s = order - 1 if allow_high_s else order >> 1
    if not (0 < r < order and 0 < s <= highest_s):
        return None
    return encode_dss_signature(r, s)
