"""Session tokens: the reference's and the session, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from pds.errors import ExpiredTokenError, InvalidTokenError, MissingTokenIdError
from pds.services import session_tokens
from pds.services.session_scopes import Scope
from pds.services.session_tokens import Claims, SessionTokens
from tests.factories import START_US, StillClock

PASSWORD_SCOPES = (Scope.ACCESS, Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED)
SECRET = "0123456789abcdef0123456789abcdef"
SERVICE_DID = "did:web:pds.example.com"
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
NOW_S = START_US // 1_000_000


@pytest.fixture
def tokens(clock: StillClock) -> SessionTokens:
    return SessionTokens(SECRET, SERVICE_DID, clock)


def forge(
    claims: dict[str, Any], typ: str | None = "at+jwt", secret: str = SECRET, alg: str = "HS256"
) -> str:
    return jwt.encode(claims, secret, alg, {"typ": typ})


def access(**changes: Any) -> dict[str, Any]:
    claims = {
        "scope": "com.atproto.access",
        "aud": SERVICE_DID,
        "sub": DID,
        "iat": NOW_S,
        "exp": NOW_S + 7_200,
        "sid": "s",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def refresh(**changes: Any) -> dict[str, Any]:
    return access(**{"scope": "com.atproto.refresh", "jti": "id", **changes})


def test_access_token_has_the_reference_claims_and_its_session(
    tokens: SessionTokens,
) -> None:
    token = tokens.access_token(DID, Scope.APP_PASS, "s")

    header, payload, _ = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")
    )
    assert json.loads(header) == {"alg": "HS256", "typ": "at+jwt"}
    assert json.loads(payload) == access(scope="com.atproto.appPass")
    assert tokens.read_access(token) == Claims(DID, Scope.APP_PASS, None, NOW_S + 7_200, "s")


def test_refresh_token_has_the_reference_claims_and_its_session(
    tokens: SessionTokens,
) -> None:
    token = tokens.refresh_token(DID, "id", "s")

    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "refresh+jwt"}
    payload = jwt.decode(token, options={"verify_signature": False})
    assert payload == refresh(exp=NOW_S + 90 * 86_400)
    claims = tokens.read_refresh(token, allow_expired=False)
    assert claims == Claims(DID, Scope.REFRESH, "id", NOW_S + 90 * 86_400, "s")


def test_token_expires_to_the_second(tokens: SessionTokens, clock: StillClock) -> None:
    token = tokens.access_token(DID, Scope.ACCESS, "s")
    clock.advance(7_199.9)
    tokens.read_access(token)

    clock.advance(0.1)
    with pytest.raises(ExpiredTokenError, match="Token has expired"):
        tokens.read_access(token)


def test_a_known_token_expires_all_the_same(tokens: SessionTokens, clock: StillClock) -> None:
    token = tokens.access_token(DID, Scope.ACCESS, "s")
    assert tokens.read_access(token) is tokens.read_access(token)
    clock.now_us += 7_200_000_000
    with pytest.raises(ExpiredTokenError):
        tokens.read_access(token)


def test_few_tokens_are_remembered(tokens: SessionTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_tokens, "CHECKED_TOKENS", 2)
    first, *others = [tokens.access_token(DID, scope, "s") for scope in PASSWORD_SCOPES]
    known = tokens.read_access(first)
    for token in others:
        tokens.read_access(token)
    assert tokens.read_access(first) == known
    assert tokens.read_access(first) is not known


def test_expired_refresh_token_is_read_only_when_asked_for(
    tokens: SessionTokens, clock: StillClock
) -> None:
    token = tokens.refresh_token(DID, "id", "s")
    clock.advance(91 * 86_400)

    with pytest.raises(ExpiredTokenError):
        tokens.read_refresh(token, allow_expired=False)
    assert tokens.read_refresh(token, allow_expired=True).token_id == "id"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é.ü.ö",
        "\ud800",
        forge(access(), secret="another secret, just as long as it"),
        forge(access(), typ="JWT"),
        forge(access(), typ="refresh+jwt"),
        forge(access(), typ=None),
        forge(access(), alg="HS512", secret=SECRET * 2),
        jwt.encode(access(), "", "none", {"typ": "at+jwt"}),
        forge(access(aud="did:web:other.example.com")),
        forge(access(aud=[SERVICE_DID])),
        forge(access(aud=...)),
        forge(access(exp=...)),
        forge(access(exp="soon")),
        forge(access(exp=True)),
    ],
)
def test_what_is_not_our_access_token_is_refused(tokens: SessionTokens, token: str) -> None:
    with pytest.raises(InvalidTokenError, match=r"^Token could not be verified$"):
        tokens.read_access(token)


def test_payload_that_is_no_object_is_refused(tokens: SessionTokens) -> None:
    token = jwt.PyJWS().encode(b"[]", SECRET, "HS256", {"typ": "at+jwt"})

    with pytest.raises(InvalidTokenError):
        tokens.read_access(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"lxm": "com.atproto.server.getSession"},
        {"cnf": {"jkt": "x"}},
        {"sub": "alice.test"},
        {"sub": 7},
        {"sub": ...},
    ],
)
def test_token_of_another_kind_is_malformed(tokens: SessionTokens, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError, match=r"^Malformed token$"):
        tokens.read_access(forge(access(**changes)))


@pytest.mark.parametrize(
    "scope", ["com.atproto.refresh", "com.atproto.signupQueued", "atproto", "", None, 7, []]
)
def test_scope_must_be_one_of_an_access_token(tokens: SessionTokens, scope: Any) -> None:
    with pytest.raises(InvalidTokenError, match=r"^Bad token scope$"):
        tokens.read_access(forge(access(scope=scope)))


def test_access_token_is_no_refresh_token(tokens: SessionTokens) -> None:
    with pytest.raises(InvalidTokenError, match="could not be verified"):
        tokens.read_refresh(tokens.access_token(DID, Scope.ACCESS, "s"), allow_expired=True)
    with pytest.raises(InvalidTokenError, match="Bad token scope"):
        tokens.read_refresh(forge(access(), typ="refresh+jwt"), allow_expired=True)


@pytest.mark.parametrize("token_id", [..., "", 7, None])
def test_refresh_token_needs_an_id(tokens: SessionTokens, token_id: Any) -> None:
    token = forge(refresh(jti=token_id), typ="refresh+jwt")

    with pytest.raises(MissingTokenIdError):
        tokens.read_refresh(token, allow_expired=False)


@pytest.mark.parametrize("session_id", [..., "", 7, None])
def test_access_token_without_a_session_has_expired(tokens: SessionTokens, session_id: Any) -> None:
    """The reference's tokens, and those of the first version: clients refresh, and all is well."""
    with pytest.raises(ExpiredTokenError, match="Token has expired"):
        tokens.read_access(forge(access(sid=session_id)))


def test_refresh_token_of_the_reference_names_no_session(tokens: SessionTokens) -> None:
    token = forge(refresh(sid=...), typ="refresh+jwt")

    assert tokens.read_refresh(token, allow_expired=False).session_id is None
