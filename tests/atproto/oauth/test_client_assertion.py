"""Assertions of confidential clients: each rule, and how long one must be remembered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.atproto.oauth.client_assertion import (
    ClientAssertion,
    check_other_key,
    verify_assertion,
)
from pds.atproto.oauth.jwk import ALGORITHMS, parse_jwk_set
from pds.atproto.oauth.signed_jwt import InvalidJwtError, UnknownKeyError
from tests.atproto.oauth.tokens import KeyPair, key_pair, signed

NOW = 1_700_000_000
CLIENT_ID = "https://app.example.com/client.json"
ISSUER = "https://pds.example.com"
KEY = key_pair()
KEYS = parse_jwk_set(
    {"keys": [key_pair(name).published(name) for name in ALGORITHMS if name[:2] != "PS"]}
)


def assertion(*, key: KeyPair = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good assertion, but for what is changed; None takes something away."""
    good = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": ISSUER,
        "jti": "j1",
        "iat": NOW,
        "exp": NOW + 60,
    }
    return signed({"kid": "ES256"} | (header or {}), good | claims, key)


def verify(text: str, *, now: float = NOW) -> ClientAssertion:
    return verify_assertion(text, client_id=CLIENT_ID, issuer=ISSUER, keys=KEYS, now=now)


def refused(text: str) -> InvalidJwtError:
    with pytest.raises(InvalidJwtError) as caught:
        verify(text)
    return caught.value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_good_assertion_tells_the_key(algorithm: str) -> None:
    key = key_pair(algorithm)
    kid = algorithm.replace("PS", "RS")
    keys = parse_jwk_set({"keys": [key.published(kid)]})
    text = assertion(key=key, header={"kid": kid})

    result = verify_assertion(text, client_id=CLIENT_ID, issuer=ISSUER, keys=keys, now=NOW)

    assert result == ClientAssertion(kid, algorithm, key.jwk.thumbprint, "j1", NOW + 91)


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"typ": "JWT"}},
        {"header": {"typ": "client-authentication+jwt"}},
        {"aud": [ISSUER]},
        {"aud": ["https://other.example.com", ISSUER]},
        {"exp": None},
        {"exp": NOW - 29},
        {"iat": NOW - 90, "exp": None},
        {"iat": NOW + 30},
        {"nbf": NOW + 30},
    ],
)
def test_what_passes(changes: dict[str, Any]) -> None:
    assert verify(assertion(**changes)).jti == "j1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"header": {"kid": None}}, "kid"),
        ({"header": {"kid": 5}}, "kid"),
        ({"header": {"alg": "none"}}, "alg"),
        ({"header": {"alg": "HS256"}}, "alg"),
        ({"header": {"alg": "ES384"}}, "alg"),
        ({"header": {"crit": ["x"]}}, "crit"),
        ({"header": {"typ": "dpop+jwt"}}, "another kind"),
        ({"header": {"typ": "at+jwt"}}, "another kind"),
        ({"header": {"typ": "application/oauth-authz-req+jwt"}}, "another kind"),
        ({"key": key_pair("ES256", 1)}, "signature"),
        ({"iss": None}, "iss"),
        ({"iss": "https://evil.example.net/client.json"}, "iss"),
        ({"sub": None}, "sub"),
        ({"sub": "did:plc:abc"}, "sub"),
        ({"aud": None}, "aud"),
        ({"aud": "https://other.example.com"}, "aud"),
        ({"aud": ISSUER + "/"}, "aud"),
        ({"aud": ISSUER + "/oauth/token"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": {ISSUER: 1}}, "aud"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 5}, "jti"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": NOW - 91}, "iat"),
        ({"iat": NOW + 31}, "iat"),
        ({"exp": NOW - 30}, "exp"),
        ({"exp": "later"}, "exp"),
        ({"nbf": NOW + 31}, "nbf"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    error = refused(assertion(**changes))

    assert message in str(error)
    assert not isinstance(error, UnknownKeyError)


@pytest.mark.parametrize("text", ["", "a.b.c", assertion() + "x", assertion() + "." + assertion()])
def test_what_is_no_assertion(text: str) -> None:
    refused(text)


def test_key_that_is_not_known_yet_is_told_apart() -> None:
    assert isinstance(refused(assertion(header={"kid": "new"})), UnknownKeyError)


def test_key_that_the_header_brings_along_is_not_used() -> None:
    own = key_pair("ES256", 1)

    assert "signature" in str(refused(assertion(key=own, header={"jwk": own.json})))


def test_dpop_key_must_be_another() -> None:
    result = verify(assertion())

    check_other_key(result, dpop_thumbprint=key_pair("ES256", 1).jwk.thumbprint)
    with pytest.raises(InvalidJwtError, match="must not be"):
        check_other_key(result, dpop_thumbprint=KEY.jwk.thumbprint)


@given(
    st.integers(-90, 30),
    st.one_of(st.none(), st.integers(-29, 10**9)),
    st.integers(0, 300),
)
def test_assertion_is_remembered_as_long_as_it_could_be_used(
    issued: int, expires: int | None, later: int
) -> None:
    text = assertion(iat=NOW + issued, exp=None if expires is None else NOW + expires)
    first = verify(text)

    assert first.expires_at <= NOW + 121
    try:
        verify(text, now=NOW + later)
    except InvalidJwtError:
        return
    assert first.expires_at > NOW + later
