"""The 64-byte form of signatures and its rule on s."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from pds.atproto.crypto.did_key import Curve
from pds.atproto.crypto.signature import compact_from_der, der_from_compact

HALF_ORDERS: dict[Curve, int] = {
    "k256": 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0,
    "p256": 0x7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8,
}
curves = pytest.mark.parametrize("curve", ["k256", "p256"])


def compact(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@curves
def test_a_low_s_is_kept_and_a_high_one_mirrored(curve: Curve) -> None:
    half = HALF_ORDERS[curve]

    assert compact_from_der(encode_dss_signature(5, half), curve) == compact(5, half)
    assert compact_from_der(encode_dss_signature(5, half + 1), curve) == compact(5, half)
    assert compact_from_der(encode_dss_signature(5, 2 * half), curve) == compact(5, 1)


@curves
def test_the_largest_low_s_passes_and_the_next_does_not(curve: Curve) -> None:
    half = HALF_ORDERS[curve]

    assert der_from_compact(compact(5, half), curve) == encode_dss_signature(5, half)
    assert der_from_compact(compact(5, half + 1), curve) is None


@curves
def test_a_high_s_passes_where_it_is_allowed_but_never_the_order(curve: Curve) -> None:
    order = 2 * HALF_ORDERS[curve] + 1

    assert der_from_compact(compact(5, order - 1), curve, allow_high_s=True) is not None
    assert der_from_compact(compact(5, order), curve, allow_high_s=True) is None
    assert der_from_compact(compact(order - 1, 5), curve) is not None
    assert der_from_compact(compact(order, 5), curve) is None


@curves
@pytest.mark.parametrize(
    "signature", [b"", bytes(63), bytes(65), bytes(64), compact(0, 1), compact(1, 0)]
)
def test_wrong_lengths_and_zeros_are_refused(curve: Curve, signature: bytes) -> None:
    assert der_from_compact(signature, curve) is None


def test_bytes_that_are_not_der_are_refused() -> None:
    with pytest.raises(ValueError, match="asn1"):
        compact_from_der(b"\x30\x01", "k256")
