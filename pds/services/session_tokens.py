"""The tokens of password sessions: JWTs signed with the server's own secret.

Claims and headers are the reference server's, so that sessions survive a move from it; one more
claim, ``sid``, names the session. A refresh token has an id of its own (``jti``) and lives only as
long as the row of that id. Whether the session lives is for ``services.sessions`` to find out.

Tricky bits
- Expiry is compared with the injected clock here, not by PyJWT, which reads the system's.
- Everything that is wrong with a token is one error with one message, but for expiry: clients
  refresh on ``ExpiredToken`` and on nothing else.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import jwt

from pds.atproto.syntax.did import is_did
from pds.errors import ExpiredTokenError, InvalidTokenError, MissingTokenIdError
from pds.services.clock import Clock
from pds.services.session_scopes import Scope

ACCESS_LIFETIME_S = 120 * 60
REFRESH_LIFETIME_S = 90 * 24 * 60 * 60
_ACCESS_TYPE = "at+jwt"
_REFRESH_TYPE = "refresh+jwt"
_SCOPES = {str(scope): scope for scope in Scope}
_OPTIONS: Any = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets for a session."""

    access_jwt: str
    refresh_jwt: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token proves. ``token_id`` is None for access tokens.

    ``session_id`` is None for refresh tokens of the reference server and of older versions.
    """

    did: str
    scope: Scope
    token_id: str | None
    expires_at_s: int
    session_id: str | None = None


CHECKED_TOKENS = 1_024


class SessionTokens:
    """Signs and reads session tokens.

    secret: the HMAC key (``PDS_JWT_SECRET``). service_did: the audience of every token.
    """

    def __init__(self, secret: str, service_did: str, clock: Clock) -> None:
        self._secret = secret.encode("utf-8")
        self._service_did = service_did
        self._clock = clock
        self._checked: dict[str, Claims] = {}
        self._lock = threading.Lock()

    def access_token(self, did: str, scope: Scope, session_id: str) -> str:
        claims = {
            "scope": str(scope),
            **self._claims(did, ACCESS_LIFETIME_S),
            "sid": session_id,
        }
        return jwt.encode(claims, self._secret, "HS256", {"typ": _ACCESS_TYPE})

    def refresh_token(self, did: str, token_id: str, session_id: str) -> str:
        claims = {
            "scope": str(Scope.REFRESH),
            **self._claims(did, REFRESH_LIFETIME_S),
            "jti": token_id,
            "sid": session_id,
        }
        return jwt.encode(claims, self._secret, "HS256", {"typ": _REFRESH_TYPE})

    def read_access(self, token: str) -> Claims:
        """Check an access token; whether its session still lives is another question.

        Raises:
            ExpiredTokenError: lapsed, or without a session. Clients then refresh, and what they get
                has one.
            InvalidTokenError
        """
        known = self._checked.get(token)
        if known is not None:
            if known.expires_at_s * 1_000_000 <= self._clock():
                raise ExpiredTokenError
            return known
        claims = self._read(token, _ACCESS_TYPE, allow_expired=False)
        if claims.scope is Scope.REFRESH:
            raise _bad_scope()
        if claims.session_id is None:
            raise ExpiredTokenError
        self._remember(token, claims)
        return claims

    def _remember(self, token: str, claims: Claims) -> None:
        """A token comes with every request of a session; checking it takes 40 µs each time."""
        with self._lock:
            self._checked[token] = claims
            if len(self._checked) > CHECKED_TOKENS:
                del self._checked[next(iter(self._checked))]

    def read_refresh(self, token: str, *, allow_expired: bool) -> Claims:
        """Check a refresh token; whether its session still lives is another question.

        Raises:
            ExpiredTokenError, InvalidTokenError
            MissingTokenIdError: it has no ``jti``.
        """
        claims = self._read(token, _REFRESH_TYPE, allow_expired=allow_expired)
        if claims.scope is not Scope.REFRESH:
            raise _bad_scope()
        if claims.token_id is None:
            raise MissingTokenIdError
        return claims

    def _claims(self, did: str, lifetime_s: int) -> dict[str, Any]:
        now_s = self._clock() // 1_000_000
        return {"aud": self._service_did, "sub": did, "iat": now_s, "exp": now_s + lifetime_s}

    def _read(self, token: str, token_type: str, *, allow_expired: bool) -> Claims:
        try:
            decoded = jwt.decode_complete(token, self._secret, ["HS256"], _OPTIONS)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidTokenError from error
        payload = decoded["payload"]
        expires_at_s = payload.get("exp")
        if (
            decoded["header"].get("typ") != token_type
            or payload.get("aud") != self._service_did
            or type(expires_at_s) is not int
        ):
            raise InvalidTokenError
        if not allow_expired and expires_at_s * 1_000_000 <= self._clock():
            raise ExpiredTokenError
        did = payload.get("sub")
        # Tokens bound to a key or to one method are of other kinds, whatever else they say.
        if "lxm" in payload or "cnf" in payload or not isinstance(did, str) or not is_did(did):
            message = "Malformed token"
            raise InvalidTokenError(message)
        return Claims(
            did,
            _scope(payload.get("scope")),
            _text(payload.get("jti")),
            expires_at_s,
            _text(payload.get("sid")),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _scope(value: object) -> Scope:
    scope = _SCOPES.get(value) if isinstance(value, str) else None
    if scope is None:
        raise _bad_scope()
    return scope


def _bad_scope() -> InvalidTokenError:
    return InvalidTokenError("Bad token scope")
