"""The text forms of public keys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.crypto.did_key import (
    Curve,
    InvalidKeyError,
    UnsupportedKeyError,
    base58_decode,
    base58_encode,
    decode_did_key,
    decode_multibase,
    decode_multikey,
    encode_did_key,
    encode_multikey,
)

POINT = b"\x02" + bytes(range(32))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"\x00", "1"),
        (b"\x00\x00\x01", "112"),
        (b"a", "2g"),
        (b"bbb", "a3gV"),
        (
            bytes.fromhex("00eb15231dfceb60925886b67d065299925915aeb172c06647"),
            "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L",
        ),
    ],
)
def test_base58_of_known_bytes(raw: bytes, text: str) -> None:
    assert base58_encode(raw) == text
    assert base58_decode(text) == raw


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=80))
def test_base58_round_trips(raw: bytes) -> None:
    assert base58_decode(base58_encode(raw)) == raw


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "a b", "é", "2" * 1025])
def test_text_that_is_not_base58_of_a_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKeyError):
        base58_decode(text)


@pytest.mark.parametrize(("curve", "start"), [("k256", "zQ3sh"), ("p256", "zDna")])
def test_the_curve_shows_in_the_first_letters(curve: Curve, start: str) -> None:
    text = encode_multikey(curve, POINT)

    assert text.startswith(start)
    assert decode_multikey(text) == (curve, POINT)
    assert encode_did_key(curve, POINT) == "did:key:" + text
    assert decode_did_key("did:key:" + text) == (curve, POINT)


@pytest.mark.parametrize(
    "text",
    [
        # the Ed25519 and P-384 examples of the did:key method
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
        "did:key:z",
    ],
)
def test_keys_of_other_types_are_unsupported(text: str) -> None:
    with pytest.raises(UnsupportedKeyError):
        decode_did_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "did:key:",
        "did:web:example.com",
        "DID:key:" + encode_multikey("k256", POINT),
        encode_multikey("k256", POINT),
        "did:key:m" + encode_multikey("k256", POINT),
        encode_did_key("k256", POINT[:-1]),
        encode_did_key("p256", POINT + b"\x00"),
        encode_did_key("p256", POINT) + "0",
        encode_did_key("p256", POINT) + "#atproto",
    ],
)
def test_text_that_is_not_a_did_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKeyError):
        decode_did_key(text)


def test_multibase_gives_the_bytes_whatever_they_are() -> None:
    assert decode_multibase("z2g") == b"a"
    with pytest.raises(InvalidKeyError):
        decode_multibase("f61")
