"""Request objects: each rule, and how long one must be remembered."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.oauth.client_assertion import verify_assertion
from pds.atproto.oauth.jwk import parse_jwk_set
from pds.atproto.oauth.request_object import RequestObject, verify_request_object
from pds.atproto.oauth.signed_jwt import InvalidJwtError, UnknownKeyError
from tests.atproto.oauth.tokens import KeyPair, key_pair, part, signed

NOW = 1_700_000_000
CLIENT_ID = "https://app.example.com/client.json"
ISSUER = "https://pds.example.com"
KEY = key_pair()
KEYS = parse_jwk_set({"keys": [KEY.published("k1"), key_pair("ES384").published("k2")]})


def request_object(
    *, key: KeyPair = KEY, header: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A good object, but for what is changed; None takes something away."""
    good = {"iss": CLIENT_ID, "aud": ISSUER, "jti": "j1", "iat": NOW, "state": "s"}
    head = {"kid": "k1", "typ": "oauth-authz-req+jwt"} | (header or {})
    return signed(head, good | claims, key)


def verify(text: str, *, now: float = NOW) -> RequestObject:
    return verify_request_object(text, client_id=CLIENT_ID, issuer=ISSUER, keys=KEYS, now=now)


def test_good_object_holds_parameters_of_any_kind() -> None:
    found = verify(request_object(client_id=CLIENT_ID, max_age=3, claims={"a": 1}, exp=NOW + 9))

    assert found.parameters == {
        "client_id": CLIENT_ID,
        "state": "s",
        "max_age": 3,
        "claims": {"a": 1},
    }
    assert found.jti == "j1"


GOOD: list[dict[str, Any]] = [
    {"header": {"typ": None}},
    {"header": {"typ": "JWT"}},
    {"header": {"typ": "application/OAuth-authz-req+jwt"}},
    {"aud": ["https://other.example.com", ISSUER]},
    {"sub": "did:plc:a"},
    {"iat": NOW - 89},
    {"iat": NOW + 30},
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"header": {"typ": "dpop+jwt"}}, "typ"),
    ({"header": {"typ": "at+jwt"}}, "typ"),
    ({"header": {"alg": "none"}}, "alg"),
    ({"header": {"alg": "HS256"}}, "alg"),
    ({"header": {"kid": None}}, "kid"),
    ({"header": {"kid": "k2"}}, "alg"),
    ({"key": key_pair(number=1)}, "signature"),
    ({"iss": None}, "iss"),
    ({"iss": "https://other.example.com/client.json"}, "iss"),
    ({"sub": CLIENT_ID}, "sub"),
    ({"client_id": "https://other.example.com/client.json"}, "client_id"),
    ({"aud": None}, "aud"),
    ({"aud": f"{ISSUER}/"}, "aud"),
    ({"aud": f"{ISSUER}/oauth/par"}, "aud"),
    ({"jti": None}, "jti"),
    ({"jti": ""}, "jti"),
    ({"iat": None}, "iat"),
    ({"iat": NOW - 90}, "long ago"),
    ({"iat": NOW + 31}, "future"),
    ({"exp": NOW - 31}, "exp"),
    ({"nbf": NOW + 31}, "nbf"),
]


@pytest.mark.parametrize("changes", GOOD)
def test_acceptable(changes: dict[str, Any]) -> None:
    assert verify(request_object(**changes)).parameters == {"state": "s"}


@pytest.mark.parametrize(("changes", "said"), BAD)
def test_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidJwtError, match=said):
        verify(request_object(**changes))


def test_unsigned_object_is_refused() -> None:
    unsigned = f"{part({'alg': 'none'})}.{part({'iss': CLIENT_ID, 'aud': ISSUER})}."

    with pytest.raises(InvalidJwtError, match="alg"):
        verify(unsigned)


def test_unknown_key_is_told_apart() -> None:
    with pytest.raises(UnknownKeyError):
        verify(request_object(header={"kid": "k3"}))


def test_is_remembered_for_as_long_as_it_is_good() -> None:
    text = request_object()
    until = verify(text).expires_at

    assert verify(text, now=NOW + 89).jti == "j1"
    with pytest.raises(InvalidJwtError):
        verify(text, now=until)


def test_neither_passes_for_a_client_assertion() -> None:
    text = request_object(sub=CLIENT_ID, header={"typ": "oauth-authz-req+jwt"})
    plain = request_object(header={"typ": None})

    for token in (text, plain):
        with pytest.raises(InvalidJwtError):
            verify_assertion(token, client_id=CLIENT_ID, issuer=ISSUER, keys=KEYS, now=NOW)
