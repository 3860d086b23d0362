"""Tokens of clients: the ten algorithms, each with its own keys only, and times."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.atproto.oauth import base64url
from pds.atproto.oauth.jwk import ALGORITHMS, parse_jwk
from pds.atproto.oauth.signed_jwt import (
    MAX_TOKEN_LENGTH,
    InvalidJwtError,
    check_times,
    expiry,
    read_jwt,
    token_id,
)
from tests.atproto.oauth.tokens import key_pair, part, signed

NOW = 1_700_000_000
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CLAIMS = {"iat": NOW, "jti": "once"}
TOKEN = signed({}, CLAIMS, key_pair())


def dummy(header: Any, claims: Any = None) -> str:
    return f"{part(header)}.{part(claims if claims is not None else CLAIMS)}.{part(bytes(64))}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_verified(algorithm: str) -> None:
    pair = key_pair(algorithm)
    token = signed({"typ": "JWT"}, CLAIMS, pair)
    jwt = read_jwt(token)

    assert (jwt.algorithm, jwt.claims, jwt.media_type) == (algorithm, CLAIMS, "jwt")
    assert jwt.is_signed_by(pair.jwk)
    assert not jwt.is_signed_by(key_pair(algorithm, 1).jwk)
    head, _, signature = token.split(".")
    assert not read_jwt(f"{head}.{part({'iat': 1})}.{signature}").is_signed_by(pair.jwk)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_no_algorithm_but_its_own(algorithm: str) -> None:
    jwt = read_jwt(signed({}, CLAIMS, key_pair(algorithm)))
    foreign = [key_pair(other).jwk for other in ("ES256", "ES256K", "ES384", "ES512", "RS256")]

    assert not any(jwt.is_signed_by(key) for key in foreign if algorithm not in key.algorithms)


def test_a_key_made_for_one_algorithm_verifies_no_other() -> None:
    pair = key_pair("RS256")
    only_pss = parse_jwk(pair.json | {"alg": "PS256"})

    assert not read_jwt(signed({}, CLAIMS, pair)).is_signed_by(only_pss)
    assert read_jwt(signed({}, CLAIMS, key_pair("PS256"))).is_signed_by(only_pss)


def test_header_cannot_talk_a_signature_into_another_algorithm() -> None:
    jwt = read_jwt(signed({"alg": "PS256"}, CLAIMS, key_pair("RS256")))

    assert not jwt.is_signed_by(key_pair("RS256").jwk)


def test_both_halves_of_s_pass() -> None:
    head, body, signature = TOKEN.split(".")
    raw = base64url.decode(signature)
    other = P256_ORDER - int.from_bytes(raw[32:], "big")

    jwt = read_jwt(f"{head}.{body}.{base64url.encode(raw[:32] + other.to_bytes(32, 'big'))}")

    assert jwt.is_signed_by(key_pair().jwk)


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(64), b"\xff" * 64, bytes(63), bytes(65), bytes(32) + b"\x01" * 32, b"0E\x02"],
)
def test_no_other_bytes_are_a_signature(signature: bytes) -> None:
    head, body, _ = TOKEN.split(".")

    assert not read_jwt(f"{head}.{body}.{part(signature)}").is_signed_by(key_pair().jwk)


def test_signature_has_no_room_for_padding() -> None:
    head, body, signature = TOKEN.split(".")
    raw = base64url.decode(signature)
    padded = base64url.encode(raw[:32] + b"\x00" + raw[32:])

    assert not read_jwt(f"{head}.{body}.{padded}").is_signed_by(key_pair().jwk)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS384"])
def test_signature_of_another_length_is_none(algorithm: str) -> None:
    head, body, signature = signed({}, CLAIMS, key_pair(algorithm)).split(".")
    longer = base64url.encode(base64url.decode(signature) + b"\x00")

    assert not read_jwt(f"{head}.{body}.{longer}").is_signed_by(key_pair(algorithm).jwk)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        "a.b",
        TOKEN + ".x",
        TOKEN + "=",
        TOKEN + "\n",
        f"{TOKEN}, {TOKEN}",
        TOKEN.replace(".", ".ä", 1),
        dummy(b"[]"),
        dummy(b"{"),
        dummy(b'"alg"'),
        dummy({"alg": "ES256"}, b"[]"),
        dummy({"alg": "ES256"}, b'{"iat": NaN}'),
        dummy(b'{"alg": "ES256", "alg": "ES256"}'),
        dummy(b'{"a":' * 500 + b"1" + b"}" * 500),
        dummy({}),
        dummy({"alg": "none"}),
        dummy({"alg": "HS256"}),
        dummy({"alg": "EdDSA"}),
        dummy({"alg": "es256"}),
        dummy({"alg": None}),
        dummy({"alg": ["ES256"]}),
        dummy({"alg": {"ES256": 1}}),
        dummy({"alg": "ES256", "crit": ["b64"], "b64": False}),
        dummy({"alg": "ES256", "crit": []}),
        f"{part({'alg': 'none'})}.{part(CLAIMS)}.",
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidJwtError):
        read_jwt(token)


def test_length_is_bounded() -> None:
    overhead = len(dummy({"alg": "ES256"}, b"{}"))
    read_jwt(dummy({"alg": "ES256"}, b"{" + b" " * 6000 + b"}"))

    with pytest.raises(InvalidJwtError, match="too long"):
        read_jwt(dummy({"alg": "ES256"}, b"{" + b" " * (MAX_TOKEN_LENGTH - overhead) + b"}"))


@given(st.text(alphabet=".eyJA0 {}\"'\n", max_size=60))
def test_no_text_does_harm(text: str) -> None:
    try:
        jwt = read_jwt(text)
    except InvalidJwtError:
        return
    assert jwt.algorithm in ALGORITHMS


@pytest.mark.parametrize(
    ("kind", "read"),
    [("dpop+jwt", "dpop+jwt"), ("application/DPoP+JWT", "dpop+jwt"), (None, None), (5, None)],
)
def test_media_type_is_read_as_such(kind: Any, read: str | None) -> None:
    assert read_jwt(dummy({"alg": "ES256", "typ": kind})).media_type == read


GOOD_TIMES: list[dict[str, Any]] = [
    {},
    {"iat": NOW - 40},
    {"iat": NOW + 30},
    {"iat": NOW + 0.5},
    {"exp": NOW - 29},
    {"nbf": NOW + 30},
    {"exp": NOW + 10**12},
]
BAD_TIMES: list[tuple[dict[str, Any], str]] = [
    ({"iat": None}, '"iat" is missing'),
    ({"iat": NOW - 41}, "too long ago"),
    ({"iat": NOW + 31}, "in the future"),
    ({"iat": True}, "must be a number"),
    ({"iat": str(NOW)}, "must be a number"),
    ({"exp": NOW - 30}, '"exp" is past'),
    ({"exp": "never"}, '"exp" must be a number'),
    ({"nbf": NOW + 31}, '"nbf" is in the future'),
    ({"nbf": []}, '"nbf" must be a number'),
]


def token_with(claims: dict[str, Any]) -> str:
    return dummy({"alg": "ES256"}, {k: v for k, v in (CLAIMS | claims).items() if v is not None})


@pytest.mark.parametrize("claims", GOOD_TIMES)
def test_times_that_are_right(claims: dict[str, Any]) -> None:
    jwt = read_jwt(token_with(claims))

    issued = check_times(jwt, now=NOW, max_age_s=10, leeway_s=30)

    assert issued == claims.get("iat", NOW)
    assert expiry(jwt) == claims.get("exp")


@pytest.mark.parametrize(("claims", "message"), BAD_TIMES)
def test_times_that_are_wrong(claims: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidJwtError, match=message):
        check_times(read_jwt(token_with(claims)), now=NOW, max_age_s=10, leeway_s=30)


def test_token_id_is_a_short_text() -> None:
    assert token_id(read_jwt(TOKEN)) == "once"
    for jti in (None, "", 5, ["a"], "j" * 513):
        with pytest.raises(InvalidJwtError, match="jti"):
            token_id(read_jwt(token_with({"jti": jti})))
