"""Access tokens: what they say, and that no other kind of token is taken for one."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from pds.config import Config
from pds.errors import InvalidTokenError
from pds.oauth_errors import InvalidAccessTokenError
from pds.services.oauth import access_tokens
from pds.services.oauth.access_tokens import AccessToken, AccessTokens
from pds.services.oauth.derived_keys import ACCESS_TOKENS, derive_key
from pds.services.session_scopes import Scope
from pds.services.session_tokens import SessionTokens
from tests.factories import START_US, StillClock

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
NOW_S = START_US // 1_000_000
TOKEN = AccessToken(
    id="tok-00000000000000000000000000000001",
    did=DID,
    client_id="https://app.example.org/client.json",
    jkt="a thumbprint",
    issued_at_s=NOW_S,
    expires_at_s=NOW_S + 1_800,
)


@pytest.fixture
def tokens(config: Config) -> AccessTokens:
    return AccessTokens(config)


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def forge(config: Config, *, key: bytes | None = None, typ: str = "at+jwt", **changes: Any) -> str:
    claims = {**claims_of(AccessTokens(config).write(TOKEN)), **changes}
    kept = {name: value for name, value in claims.items() if value is not ...}
    signing = key or derive_key(config.jwt_secret, ACCESS_TOKENS)
    return jwt.encode(kept, signing, "HS256", {"typ": typ})


def test_it_has_the_claims_of_an_access_token(config: Config, tokens: AccessTokens) -> None:
    token = tokens.write(TOKEN)

    assert jwt.get_unverified_header(token) == {"typ": "at+jwt", "alg": "HS256"}
    assert claims_of(token) == {
        "iss": config.public_url,
        "aud": config.service_did,
        "sub": DID,
        "iat": NOW_S,
        "exp": NOW_S + 1_800,
        "jti": TOKEN.id,
        "client_id": TOKEN.client_id,
        "cnf": {"jkt": TOKEN.jkt},
    }
    assert tokens.read(token) == TOKEN.id
    assert tokens.read(token) == TOKEN.id  # now from memory


def test_the_same_facts_give_the_same_token(config: Config, tokens: AccessTokens) -> None:
    assert tokens.write(TOKEN) == AccessTokens(config).write(TOKEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example.com"},
        {"iss": ...},
        {"aud": "did:web:other.example.com"},
        {"aud": ["did:web:localhost"]},
        {"aud": ...},
        {"jti": ...},
        {"jti": 1},
        {"typ": "JWT"},
        {"typ": "refresh+jwt"},
        {"key": b"another key of thirty-two bytes."},
    ],
)
def test_tokens_of_others_are_refused(
    config: Config, tokens: AccessTokens, changes: dict[str, Any]
) -> None:
    assert tokens.read(forge(config)) == TOKEN.id

    with pytest.raises(InvalidAccessTokenError):
        tokens.read(forge(config, **changes))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "e30.e30.", "é", "\ud800", "tok-1"])
def test_nonsense_is_refused(tokens: AccessTokens, text: str) -> None:
    with pytest.raises(InvalidAccessTokenError):
        tokens.read(text)


def test_an_unsigned_token_is_refused(config: Config, tokens: AccessTokens) -> None:
    unsigned = jwt.encode(claims_of(forge(config)), "", "none", {"typ": "at+jwt"})

    with pytest.raises(InvalidAccessTokenError):
        tokens.read(unsigned)


def test_a_token_longer_than_any_of_ours_is_not_even_read(
    config: Config, tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = forge(config)
    monkeypatch.setattr(access_tokens, "MAX_LENGTH", len(token))
    assert tokens.read(token) == TOKEN.id
    monkeypatch.setattr(access_tokens, "MAX_LENGTH", len(token) - 1)

    with pytest.raises(InvalidAccessTokenError):
        AccessTokens(config).read(token)


def test_it_is_no_token_of_a_password_session(
    config: Config, tokens: AccessTokens, clock: StillClock
) -> None:
    sessions = SessionTokens(config.jwt_secret, config.service_did, clock)
    scoped: dict[str, Any] = {"scope": "com.atproto.access", "sid": "s", "cnf": ...}

    for token in (tokens.write(TOKEN), forge(config, **scoped)):
        with pytest.raises(InvalidTokenError):
            sessions.read_access(token)
        with pytest.raises(InvalidTokenError):
            sessions.read_refresh(token, allow_expired=True)


def test_a_token_of_a_password_session_is_no_access_token(
    config: Config, tokens: AccessTokens, clock: StillClock
) -> None:
    sessions = SessionTokens(config.jwt_secret, config.service_did, clock)
    secret = config.jwt_secret.encode()

    for token in (
        sessions.access_token(DID, Scope.ACCESS, "s"),
        sessions.refresh_token(DID, TOKEN.id, "s"),
        forge(config, key=secret),  # all claims right, but the key
    ):
        with pytest.raises(InvalidAccessTokenError):
            tokens.read(token)


def test_what_is_remembered_is_bounded(
    tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "CHECKED_TOKENS", 2)
    written = [
        tokens.write(AccessToken(f"tok-{n}", DID, "c", "j", NOW_S, NOW_S + 1)) for n in range(5)
    ]

    assert [tokens.read(token) for token in written * 2] == [f"tok-{n}" for n in range(5)] * 2
    assert len(tokens._checked) == 2


def test_a_payload_that_is_no_object_is_refused(config: Config, tokens: AccessTokens) -> None:
    key = derive_key(config.jwt_secret, ACCESS_TOKENS)
    odd = jwt.PyJWS().encode(json.dumps([1]).encode(), key, "HS256", {"typ": "at+jwt"})

    with pytest.raises(InvalidAccessTokenError):
        tokens.read(odd)
