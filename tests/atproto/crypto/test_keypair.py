"""Keys on both curves: text forms, signing, strict verification."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pds.atproto.crypto.did_key import (
    Curve,
    InvalidKeyError,
    UnsupportedKeyError,
    base58_decode,
    base58_encode,
    encode_did_key,
    encode_multikey,
)
from pds.atproto.crypto.keypair import PrivateKey, PublicKey
from tests.vectors import INTEROP, load_json

MESSAGE = b"message"
ORDERS: dict[Curve, int] = {
    "k256": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    "p256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
}
LEGACY_K256 = (
    "zQYEBzXeuTM9UR3rfvNag6L3RNAs5pQZyYPsomTsgQhsxLdEgCrPTLgFna8yqCnxPpNT7DBk6Ym3dgPKNu86vt9GR"
)
MULTIKEY_K256 = "zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF"
NOT_ON_CURVE = b"\x02" + bytes(31) + b"\x05"  # x³ + 7 is no square at x = 5

curves = pytest.mark.parametrize("curve", ["k256", "p256"])


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def mirrored(signature: bytes, curve: Curve) -> bytes:
    """The other valid signature over the same message."""
    s = ORDERS[curve] - int.from_bytes(signature[32:], "big")
    return signature[:32] + s.to_bytes(32, "big")


def test_signature_fixtures_verify_as_they_say() -> None:
    for case in load_json(INTEROP / "crypto" / "signature-fixtures.json"):
        key = PublicKey.from_did_key(case["publicKeyDid"])
        message, signature = unpadded(case["messageBase64"]), unpadded(case["signatureBase64"])

        assert key.jwt_alg == case["algorithm"]
        assert key == PublicKey.from_legacy_multibase(case["publicKeyMultibase"], key.curve)
        assert key.verify(message, signature) is case["validSignature"], case["comment"]
        if "high-s" in case["tags"]:
            assert key.verify(message, signature, allow_high_s=True)
        if "der-encoded" in case["tags"]:
            assert not key.verify(message, signature, allow_high_s=True)


def private_key_of(case: dict[str, Any], curve: Curve) -> PrivateKey:
    if "privateKeyBytesHex" in case:
        return PrivateKey.from_bytes(bytes.fromhex(case["privateKeyBytesHex"]), curve)
    return PrivateKey.from_bytes(base58_decode(case["privateKeyBytesBase58"]), curve)


@pytest.mark.parametrize(
    ("file", "curve"), [("w3c_didkey_K256.json", "k256"), ("w3c_didkey_P256.json", "p256")]
)
def test_private_keys_have_their_known_did_keys(file: str, curve: Curve) -> None:
    for case in load_json(INTEROP / "crypto" / file):
        key = private_key_of(case, curve)

        assert key.did_key == case["publicDidKey"]
        assert key.public == PublicKey.from_did_key(case["publicDidKey"])


@pytest.mark.parametrize(
    ("text", "curve"),
    [
        ("zDnaembgSGUhZULN2Caob4HLJPaxBh92N7rtH21TErzqf8HQo", "p256"),
        ("zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc", "k256"),
    ],
)
def test_multikeys_of_the_specification_round_trip(text: str, curve: Curve) -> None:
    key = PublicKey.from_multibase(text)

    assert (key.multibase, key.did_key, key.curve) == (text, "did:key:" + text, curve)
    assert PublicKey.from_compressed(key.compressed, curve) == key


def test_a_legacy_key_is_the_same_point_as_its_multikey() -> None:
    assert PublicKey.from_legacy_multibase(LEGACY_K256, "k256").multibase == MULTIKEY_K256


@curves
def test_signatures_are_64_bytes_with_low_s_and_verify(curve: Curve) -> None:
    key = PrivateKey.generate(curve)

    for number in range(12):
        message = bytes([number])
        signature = key.sign(message)
        assert len(signature) == 64
        assert int.from_bytes(signature[32:], "big") <= ORDERS[curve] // 2
        assert key.public.verify(message, signature)


@curves
def test_the_message_is_hashed_once(curve: Curve) -> None:
    key = PrivateKey.generate(curve)
    loaded = serialization.load_der_private_key(key.to_der(), password=None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)

    r, s = decode_dss_signature(loaded.sign(MESSAGE, ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")

    assert key.public.verify(MESSAGE, signature, allow_high_s=True)


@curves
def test_the_mirrored_signature_passes_only_where_high_s_is_allowed(curve: Curve) -> None:
    key = PrivateKey.generate(curve)
    high = mirrored(key.sign(MESSAGE), curve)

    assert not key.public.verify(MESSAGE, high)
    assert key.public.verify(MESSAGE, high, allow_high_s=True)


@curves
def test_anything_but_the_signature_is_false_not_an_error(curve: Curve) -> None:
    key = PrivateKey.generate(curve)
    signature = key.sign(MESSAGE)

    assert not key.public.verify(MESSAGE + b"!", signature)
    assert not PrivateKey.generate(curve).public.verify(MESSAGE, signature)
    for malformed in (b"", signature[:-1], signature + b"\x00", bytes(64), b"\xff" * 64):
        assert not key.public.verify(MESSAGE, malformed)


@curves
def test_private_keys_reload_from_both_forms(curve: Curve) -> None:
    key = PrivateKey.generate(curve)

    assert len(key.to_bytes()) == 32
    for again in (PrivateKey.from_bytes(key.to_bytes(), curve), PrivateKey.from_der(key.to_der())):
        assert (again.did_key, again.curve, again.to_bytes()) == (
            key.did_key,
            curve,
            key.to_bytes(),
        )
        assert key.public.verify(MESSAGE, again.sign(MESSAGE))


def test_the_der_form_carries_the_public_point() -> None:
    key = PrivateKey.generate()

    assert key.public.compressed[1:] in key.to_der()


def test_keys_are_k256_unless_told_otherwise() -> None:
    key = PrivateKey.generate()

    assert (key.curve, key.jwt_alg) == ("k256", "ES256K")
    assert PrivateKey.from_bytes(key.to_bytes()).did_key == key.did_key
    assert PrivateKey.generate("p256").jwt_alg == "ES256"


@curves
def test_secrets_out_of_range_are_refused(curve: Curve) -> None:
    order = ORDERS[curve].to_bytes(32, "big")

    for raw in (b"", bytes(31), b"\x01" * 33, bytes(32), order, b"\xff" * 32):
        with pytest.raises(InvalidKeyError):
            PrivateKey.from_bytes(raw, curve)


def pkcs8(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_private_keys_of_other_types_are_unsupported(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    with pytest.raises(UnsupportedKeyError):
        PrivateKey.from_der(pkcs8(key))


def test_der_that_is_garbage_or_encrypted_is_refused() -> None:
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )

    for raw in (b"", b"\x30\x03\x02\x01\x00", encrypted):
        with pytest.raises(InvalidKeyError):
            PrivateKey.from_der(raw)


def test_points_off_the_curve_are_refused() -> None:
    loads: list[Callable[[], PublicKey]] = [
        lambda: PublicKey.from_compressed(NOT_ON_CURVE, "k256"),
        lambda: PublicKey.from_did_key(encode_did_key("k256", NOT_ON_CURVE)),
        lambda: PublicKey.from_multibase(encode_multikey("k256", NOT_ON_CURVE)),
        lambda: PublicKey.from_legacy_multibase("z" + base58_encode(b"\x04" + bytes(64)), "k256"),
        lambda: PublicKey.from_legacy_multibase("z", "k256"),
    ]
    for load in loads:
        with pytest.raises(InvalidKeyError):
            load()


def test_a_compressed_point_has_33_bytes() -> None:
    key = PrivateKey.generate().public

    for raw in (b"", key.compressed[:-1], key.compressed + b"\x00", b"\x05" + key.compressed[1:]):
        with pytest.raises(InvalidKeyError):
            PublicKey.from_compressed(raw, "k256")


def test_public_keys_compare_by_point_and_curve() -> None:
    first, second = PrivateKey.generate().public, PrivateKey.generate().public

    assert first == PublicKey.from_did_key(first.did_key)
    assert first != second
    assert first != first.did_key
    assert {first: 1}[PublicKey.from_did_key(first.did_key)] == 1


def test_a_printed_key_shows_no_secret() -> None:
    key = PrivateKey.generate()

    assert repr(key) == f"PrivateKey('{key.did_key}')"
    assert repr(key.public) == f"PublicKey('{key.did_key}')"


# One key in the forms in which tools write it: https://atproto.com/specs/cryptography
HEX = "9085d2bef69286a6cbb51623c8fa258629945cd55ca705cc4e66700396894e0c"
DID_KEY = "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"


def base58(raw: bytes) -> str:
    """Base58btc, the slow way."""
    letters, number, text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 0, ""
    number = int.from_bytes(raw, "big")
    while number:
        number, rest = divmod(number, 58)
        text = letters[rest] + text
    return text


def test_private_key_is_read_from_hex_and_from_multibase() -> None:
    secret = bytes.fromhex(HEX)

    assert PrivateKey.from_text(HEX).did_key == DID_KEY
    assert PrivateKey.from_text(HEX.upper()).did_key == DID_KEY
    assert PrivateKey.from_text("z" + base58(b"\x81\x26" + secret)).did_key == DID_KEY
    p256 = PrivateKey.from_text("z" + base58(b"\x86\x26" + secret))
    assert (p256.curve, p256.to_bytes()) == ("p256", secret)


@pytest.mark.parametrize("text", ["", HEX[:-2], "z", "zzz", DID_KEY, "z" + base58(b"\x80\x26abc")])
def test_text_that_is_no_private_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKeyError):
        PrivateKey.from_text(text)
