"""The access tokens of OAuth: JWTs that name the row of their grant and say hardly more.

What a token may do, whether it has lapsed and whether its grant lives stands in that row, which
every request reads; so a token says nothing that could be out of date, and ends with its row. It is
written from the row alone: the same row gives the same token, to the byte, whenever it is asked.

Spec: https://atproto.com/specs/oauth, RFC 9068 (the claims), RFC 9449 §6 (bound to a key)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

import jwt

from pds.config import Config
from pds.oauth_errors import InvalidAccessTokenError
from pds.services.oauth.derived_keys import ACCESS_TOKENS, derive_key

CHECKED_TOKENS: Final = 1_024
MAX_LENGTH: Final = 16_384  # the ids of development clients are long, and stand in it
_TYPE: Final = "at+jwt"
_OPTIONS: Any = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says. ``id`` is the row's; ``jkt`` the thumbprint of the key it is bound to."""

    id: str
    did: str
    client_id: str
    jkt: str
    issued_at_s: int
    expires_at_s: int


class AccessTokens:
    """Writes and reads access tokens."""

    def __init__(self, config: Config) -> None:
        self._key = derive_key(config.jwt_secret, ACCESS_TOKENS)
        self._issuer = config.public_url
        self._audience = config.service_did
        self._checked: dict[str, str] = {}
        self._lock = threading.Lock()

    def write(self, token: AccessToken) -> str:
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": token.did,
            "iat": token.issued_at_s,
            "exp": token.expires_at_s,
            "jti": token.id,
            "client_id": token.client_id,
            "cnf": {"jkt": token.jkt},
        }
        return jwt.encode(claims, self._key, "HS256", {"typ": _TYPE})

    def read(self, token: str) -> str:
        """The id of a token of ours, lapsed or not; its row says the rest.

        Raises:
            InvalidAccessTokenError: it is none, or one of another server or another kind.
        """
        known = self._checked.get(token)
        if known is not None:
            return known
        token_id = self._verify(token)
        self._remember(token, token_id)
        return token_id

    def _verify(self, token: str) -> str:
        if len(token) > MAX_LENGTH:
            raise InvalidAccessTokenError
        try:
            decoded = jwt.decode_complete(token, self._key, ["HS256"], _OPTIONS)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidAccessTokenError from error
        payload = decoded["payload"]
        token_id = payload.get("jti")
        if (
            decoded["header"].get("typ") != _TYPE
            or payload.get("iss") != self._issuer
            or payload.get("aud") != self._audience
            or not isinstance(token_id, str)
        ):
            raise InvalidAccessTokenError
        return token_id

    def _remember(self, token: str, token_id: str) -> None:
        """A token comes with every request of an app; the signature need not be checked again."""
        with self._lock:
            self._checked[token] = token_id
            if len(self._checked) > CHECKED_TOKENS:
                del self._checked[next(iter(self._checked))]
