"""Public keys as JSON: what is read, what is passed over in a set, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pds.atproto.oauth import base64url
from pds.atproto.oauth.jwk import (
    ALGORITHMS,
    MAX_KEYS_IN_SET,
    InvalidJwkError,
    Jwk,
    UnsupportedJwkError,
    parse_jwk,
    parse_jwk_set,
)
from tests.atproto.oauth.tokens import key_pair, rsa_private

EC: dict[str, Any] = key_pair("ES256").json
RSA: dict[str, Any] = key_pair("RS256").json
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}

# RFC 7638, section 3.1.
RFC_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2"
    "QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6W"
    "eZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


def test_thumbprint_is_the_one_of_the_rfc() -> None:
    key = parse_jwk(RFC_KEY)

    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert key.kid == "2011-04-29"
    assert key.algorithms == {"RS256"}


def test_thumbprint_of_an_elliptic_curve_key() -> None:
    # RFC 9449, figure 2 (the key) and figure 9 (its thumbprint).
    key = {
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
    }

    assert parse_jwk(key).thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_thumbprint_is_of_the_key_alone() -> None:
    plain = parse_jwk(EC)
    named = parse_jwk(EC | {"kid": "a", "use": "sig", "alg": "ES256", "x5t": "?", "extra": [1]})

    assert plain.thumbprint == named.thumbprint
    assert (plain.kid, named.kid) == (None, "a")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_has_its_keys(algorithm: str) -> None:
    pair = key_pair(algorithm)

    assert algorithm in pair.jwk.algorithms
    assert parse_jwk(pair.json | {"alg": algorithm}).algorithms == {algorithm}
    assert len(pair.jwk.algorithms) == (1 if algorithm.startswith("E") else 6)


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "sig"},
        {"key_ops": ["verify"]},
        {"key_ops": ["verify", "somethingElse"]},
        {"use": "sig", "key_ops": ["verify"]},
        {"ext": True, "iat": 5},
    ],
)
def test_what_a_signature_key_may_say_of_itself(changes: dict[str, Any]) -> None:
    assert parse_jwk(EC | changes).algorithms == {"ES256"}


UNSUPPORTED: list[tuple[dict[str, Any], str]] = [
    (OKP, "only EC and RSA"),
    ({"kty": "oct"}, "only EC and RSA"),
    (EC | {"crv": "P-192"}, "curves"),
    (EC | {"use": "enc"}, "not one for signatures"),
    (EC | {"key_ops": ["encrypt"]}, "not one for signatures"),
    (EC | {"key_ops": []}, "not one for signatures"),
    (EC | {"use": "enc", "key_ops": ["wrapKey"]}, "not one for signatures"),
    (EC | {"alg": "ECDH-ES"}, "none of the supported"),
    (RSA | {"alg": "none"}, "none of the supported"),
    (RSA | {"alg": "HS256"}, "none of the supported"),
    (RSA | {"n": base64url.encode(b"\xff" * 255)}, "between 2048 and 8192"),
    (RSA | {"n": base64url.encode(b"\xff" * 1025)}, "between 2048 and 8192"),
    (RSA | {"e": base64url.encode(b"\x01\x00\x00\x00\x01")}, "exponent"),
    (RSA | {"e": base64url.encode(b"\x01\x00\x03")}, "exponent"),
]

INVALID: list[tuple[Any, str]] = [
    (None, "object"),
    ("key", "object"),
    ([EC], "object"),
    ({}, '"kty"'),
    (EC | {"kty": 1}, '"kty"'),
    (EC | {"kty": ["EC"]}, '"kty"'),
    (EC | {"d": "AAAA"}, 'private member "d"'),
    (EC | {"d": None}, 'private member "d"'),
    (OKP | {"d": "AAAA"}, 'private member "d"'),
    ({"kty": "oct", "k": "AAAA"}, 'private member "k"'),
    *((RSA | {name: "AAAA"}, "private member") for name in ("p", "q", "dp", "dq", "qi", "oth")),
    (EC | {"crv": None}, '"crv"'),
    (EC | {"x": None}, '"x" is missing'),
    (EC | {"x": EC["x"] + "="}, "base64url"),
    (EC | {"x": EC["x"].rstrip("A")[:-1] + "+"}, "base64url"),
    (EC | {"x": base64url.encode(bytes(33))}, "32 bytes"),
    (EC | {"y": ""}, "32 bytes"),
    (EC | {"x": base64url.encode(bytes(32)), "y": base64url.encode(bytes(32))}, "not a point"),
    (EC | {"y": EC["x"]}, "not a point"),
    (EC | {"crv": "secp256k1"}, "not a point"),
    (RSA | {"n": base64url.encode(b"\x00" + base64url.decode(RSA["n"]))}, "zero byte"),
    (RSA | {"e": base64url.encode(b"\x00\x01\x00\x01")}, "zero byte"),
    (RSA | {"n": ""}, "zero byte"),
    (RSA | {"e": base64url.encode(b"\x04")}, "not an RSA key"),
    (RSA | {"e": base64url.encode(b"\x01")}, "not an RSA key"),
    (EC | {"use": 1}, '"use"'),
    (EC | {"key_ops": "verify"}, '"key_ops"'),
    (EC | {"key_ops": [1]}, '"key_ops"'),
    (EC | {"key_ops": ["verify", "verify"]}, "repeats"),
    (EC | {"key_ops": ["sign", "verify"]}, "only a private key"),
    (EC | {"use": "sig", "key_ops": ["encrypt"]}, "contradict"),
    (EC | {"use": "enc", "key_ops": ["verify"]}, "contradict"),
    (EC | {"alg": 256}, '"alg" must be'),
    (EC | {"alg": "ES384"}, "does not fit"),
    (EC | {"alg": "RS256"}, "does not fit"),
    (RSA | {"alg": "ES256"}, "does not fit"),
    (EC | {"kid": ""}, '"kid"'),
    (EC | {"kid": 7}, '"kid"'),
    (EC | {"kid": "k" * 513}, '"kid"'),
]


@pytest.mark.parametrize(("value", "message"), UNSUPPORTED)
def test_keys_for_others_are_told_apart(value: Any, message: str) -> None:
    with pytest.raises(UnsupportedJwkError, match=message):
        parse_jwk(value)


@pytest.mark.parametrize(("value", "message"), INVALID)
def test_what_is_no_public_key_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidJwkError, match=message) as caught:
        parse_jwk(value)
    assert not isinstance(caught.value, UnsupportedJwkError)


def test_a_point_has_one_form_only() -> None:
    # OpenSSL reads x and x + p alike; with two thumbprints one key would pass for two.
    p521 = key_pair("ES512").json
    x = int.from_bytes(base64url.decode(p521["x"]), "big") + (1 << 521) - 1

    with pytest.raises(InvalidJwkError, match="P-521"):
        parse_jwk(p521 | {"x": base64url.encode(x.to_bytes(66, "big"))})


@pytest.mark.parametrize(
    ("curve", "prime", "x", "y"),
    [
        (
            "P-256",
            0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
            5,
            0x459243B9AA581806FE913BCE99817ADE11CA503C64D9A3C533415C083248FBCC,
        ),
        (
            "secp256k1",
            (1 << 256) - (1 << 32) - 977,
            1,
            0x4218F20AE6C646B363DB68605822FB14264CA8D2587FDD6FBC750D587E76A7EE,
        ),
    ],
)
def test_small_coordinates_have_one_form_too(curve: str, prime: int, x: int, y: int) -> None:
    def key(first: int) -> dict[str, Any]:
        texts = [base64url.encode(number.to_bytes(32, "big")) for number in (first, y)]
        return {"kty": "EC", "crv": curve, "x": texts[0], "y": texts[1]}

    assert parse_jwk(key(x)).thumbprint
    with pytest.raises(InvalidJwkError, match="beyond the field"):
        parse_jwk(key(x + prime))


def test_a_short_rsa_key_is_not_used() -> None:
    numbers = rsa_private(1024, 0).public_key().public_numbers()
    assert isinstance(numbers, rsa.RSAPublicNumbers)
    modulus = base64url.encode(numbers.n.to_bytes(128, "big"))

    with pytest.raises(UnsupportedJwkError, match="2048"):
        parse_jwk({"kty": "RSA", "n": modulus, "e": "AQAB"})


def test_set_is_searched_by_kid_and_algorithm() -> None:
    keys = parse_jwk_set({"keys": [EC | {"kid": "a"}, RSA | {"kid": "b"}, RSA | {"kid": "a"}]})

    def found(kid: str, algorithm: str) -> Jwk | None:
        return keys.find(kid, algorithm)

    assert found("a", "ES256") == keys.keys[0]
    assert found("b", "PS512") == keys.keys[1]
    assert found("a", "RS256") == keys.keys[2]
    assert found("b", "ES256") is None
    assert found("c", "ES256") is None
    assert [keys.has_key_id(kid) for kid in "abc"] == [True, True, False]


def test_set_passes_over_what_it_does_not_know() -> None:
    unknown = [value for value, _ in UNSUPPORTED]
    keys = parse_jwk_set({"keys": [*unknown, EC | {"kid": "a"}], "extra": 1})

    assert [key.kid for key in keys.keys] == ["a"]
    assert parse_jwk_set({"keys": []}).keys == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "list"),
        ([], "list"),
        ({}, "list"),
        ({"keys": {}}, "list"),
        ({"keys": [EC]}, 'key 0: "kid" is missing'),
        ({"keys": [OKP, EC | {"kid": "a", "d": "AA"}]}, "key 1: .* private"),
        ({"keys": [OKP | {"d": "AA"}]}, "key 0: .* private"),
        ({"keys": [EC | {"kid": "a"}, EC | {"kid": "a"}]}, "same kid"),
        ({"keys": [OKP] * (MAX_KEYS_IN_SET + 1)}, "at most"),
    ],
)
def test_faulty_sets_are_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidJwkError, match=message):
        parse_jwk_set(value)
