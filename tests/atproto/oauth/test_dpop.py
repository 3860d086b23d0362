"""DPoP proofs: each rule with what it lets pass and what it stops."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.atproto.oauth.dpop import DpopError, DpopProof, access_token_hash, verify_proof
from pds.atproto.oauth.dpop_nonces import DpopNonces
from pds.atproto.oauth.jwk import ALGORITHMS
from tests.atproto.oauth.tokens import KeyPair, key_pair, signed

NOW = 1_700_000_000
NONCES = DpopNonces(bytes(range(32)))
URL = "https://pds.example.com/oauth/token"
KEY = key_pair()
TOKEN = "an.access.token"


def proof(*, key: KeyPair = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good proof, but for what is changed; None takes something away."""
    head = {"typ": "dpop+jwt", "jwk": key.json} | (header or {})
    good = {"iat": NOW, "jti": "j1", "htm": "POST", "htu": URL, "nonce": NONCES.current(NOW)}
    return signed(head, good | claims, key)


def verify(text: str, **changes: Any) -> DpopProof:
    fields: dict[str, Any] = {"method": "POST", "url": URL, "now": NOW, "nonces": NONCES}
    return verify_proof(text, **(fields | changes))


def refused(text: str, **changes: Any) -> DpopError:
    with pytest.raises(DpopError) as caught:
        verify(text, **changes)
    return caught.value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_good_proof_names_its_key(algorithm: str) -> None:
    key = key_pair(algorithm)

    result = verify(proof(key=key))

    assert (result.thumbprint, result.jti) == (key.jwk.thumbprint, "j1")


GOOD: list[dict[str, Any]] = [
    {"header": {"typ": "DPoP+JWT"}},
    {"header": {"typ": "application/dpop+jwt"}},
    {"header": {"jwk": KEY.json | {"kid": "a", "use": "sig", "alg": "ES256"}}},
    {"iat": NOW - 190},
    {"iat": NOW + 180},
    {"iat": NOW + 0.25},
    {"exp": NOW - 179, "nbf": NOW + 180},
    {"nonce": NONCES.current(NOW - 60)},
    {"nonce": NONCES.current(NOW - 120)},
    {"htu": URL + "?a=b"},
    {"htu": URL + "#c"},
    {"htu": URL + "?a|b c"},
    {"htu": "HTTPS://PDS.Example.com:443/oauth/./x/../%74oken"},
    {"extra": {"a": 1}},
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"header": {"typ": None}}, "typ"),
    ({"header": {"typ": "JWT"}}, "typ"),
    ({"header": {"typ": "at+jwt"}}, "typ"),
    ({"header": {"alg": "none"}}, "alg"),
    ({"header": {"alg": "HS256"}}, "alg"),
    ({"header": {"alg": "ES384"}}, "signature"),
    ({"header": {"crit": ["exp"]}}, "crit"),
    ({"header": {"jwk": None}}, "jwk"),
    ({"header": {"jwk": "key"}}, "jwk"),
    ({"header": {"jwk": KEY.json | {"d": "AAAA"}}}, "private"),
    ({"header": {"jwk": {"kty": "oct", "k": "AAAA"}}}, "private"),
    ({"header": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}}, "only EC and RSA"),
    ({"header": {"jwk": KEY.json | {"use": "enc"}}}, "not one for signatures"),
    ({"header": {"jwk": key_pair("ES256", 1).json}}, "signature"),
    ({"header": {"jwk": key_pair("ES384").json}}, "signature"),
    ({"iat": None}, "iat"),
    ({"iat": "now"}, "iat"),
    ({"iat": True}, "iat"),
    ({"iat": NOW - 191}, "too long ago"),
    ({"iat": NOW + 181}, "future"),
    ({"exp": NOW - 180}, "exp"),
    ({"nbf": NOW + 181}, "nbf"),
    ({"jti": None}, "jti"),
    ({"jti": ""}, "jti"),
    ({"jti": 7}, "jti"),
    ({"jti": "j" * 513}, "jti"),
    ({"htm": None}, "htm"),
    ({"htm": "GET"}, "htm"),
    ({"htm": "post"}, "htm"),
    ({"htm": ["POST"]}, "htm"),
    ({"htu": None}, "htu"),
    ({"htu": 5}, "htu"),
    ({"htu": ""}, "htu"),
    ({"htu": "/oauth/token"}, "htu"),
    ({"htu": "http://pds.example.com/oauth/token"}, "htu"),
    ({"htu": "ftp://pds.example.com/oauth/token"}, "htu"),
    ({"htu": "https://pds.example.com:8443/oauth/token"}, "htu"),
    ({"htu": "https://evil.example.com/oauth/token"}, "htu"),
    ({"htu": "https://pds.example.com/oauth/par"}, "htu"),
    ({"htu": "https://pds.example.com/oauth/token/"}, "htu"),
    ({"htu": "https://pds.example.com/OAuth/token"}, "htu"),
    ({"htu": "https://pds.example.com/oauth%2Ftoken"}, "htu"),
    ({"htu": "https://pds.example.com"}, "htu"),
    ({"htu": "https://me@pds.example.com/oauth/token"}, "credentials"),
    ({"htu": "https://me:pw@pds.example.com/oauth/token"}, "credentials"),
    ({"htu": "https://pds.example.com\\oauth/token"}, "htu"),
    ({"nonce": 5}, "nonce"),
    ({"ath": access_token_hash(TOKEN)}, "without an access token"),
]


@pytest.mark.parametrize("changes", GOOD)
def test_what_passes(changes: dict[str, Any]) -> None:
    assert verify(proof(**changes)).thumbprint == KEY.jwk.thumbprint


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    error = refused(proof(**changes))

    assert error.error == "invalid_dpop_proof"
    assert message in str(error)


@pytest.mark.parametrize(
    "nonce",
    [None, "", "old", NONCES.current(NOW - 180), NONCES.current(NOW + 60)],
)
def test_nonce_that_is_missing_or_old_is_asked_for_anew(nonce: str | None) -> None:
    assert refused(proof(nonce=nonce)).error == "use_dpop_nonce"
    assert verify(proof(nonce=NONCES.current(NOW))).jti == "j1"


def test_signature_and_time_come_before_the_nonce() -> None:
    forged = {"jwk": key_pair("ES256", 1).json}

    assert refused(proof(nonce=None, header=forged)).error == "invalid_dpop_proof"
    assert refused(proof(nonce=None, iat=NOW - 500)).error == "invalid_dpop_proof"


@pytest.mark.parametrize("text", ["", " ", "abc", f"{proof()},{proof()}", f"{proof()}, {proof()}"])
def test_there_is_exactly_one_header(text: str) -> None:
    assert refused(text).error == "invalid_dpop_proof"


def test_proof_is_about_the_access_token() -> None:
    about = proof(ath=access_token_hash(TOKEN))

    assert verify(about, access_token=TOKEN).jti == "j1"
    for text, token in ((about, "another"), (proof(), TOKEN), (proof(ath=TOKEN), TOKEN)):
        assert "ath" in str(refused(text, access_token=token))
    assert "ath" in str(refused(proof(ath=5), access_token=TOKEN))


def test_hash_of_a_token_is_the_one_of_the_rfc() -> None:
    # RFC 9449, section 7.1.
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"

    assert access_token_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_any_method_has_its_proof() -> None:
    url = "https://pds.example.com/xrpc/com.atproto.server.getSession"

    assert verify(proof(htm="GET", htu=url), method="GET", url=url + "?a=b").jti == "j1"
    assert "htu" in str(refused(proof(htu="http://[::1"), url="http://[::1"))


@given(st.integers(-190, 180), st.integers(0, 400))
def test_proof_is_remembered_as_long_as_it_could_be_used(issued: int, later: int) -> None:
    text = proof(iat=NOW + issued)
    first = verify(text)

    assert first.expires_at > NOW + 198
    try:
        verify(text, now=NOW + later)
    except DpopError:
        return
    assert first.expires_at > NOW + later
