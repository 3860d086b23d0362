"""Refresh tokens, and how what clients hold is kept: as hashes, never as it is.

A refresh token is computed from its grant and its place in the row of the grant's tokens, so it can
be given again, for a short while, to a client that has not received it, and still stands nowhere.

Spec: https://atproto.com/specs/oauth, RFC 9700 §4.14 (rotation)
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from pds.config import Config
from pds.services.oauth.derived_keys import REFRESH_TOKENS, derive_key

PREFIX: Final = "ref-"


def hash_of(secret: str) -> str:
    """How a code or a refresh token is stored. They are random: no salt, no costly hash needed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class RefreshTokens:
    """Computes refresh tokens."""

    def __init__(self, config: Config) -> None:
        self._key = derive_key(config.jwt_secret, REFRESH_TOKENS)

    def token(self, grant_id: str, number: int) -> str:
        """The refresh token of a grant that comes ``number`` refreshes after its first one."""
        computed = hmac.digest(self._key, f"{grant_id}:{number}".encode(), hashlib.sha256)
        return f"{PREFIX}{computed.hex()}"

    def is_token(self, token: str, grant_id: str, number: int) -> bool:
        """Whether it is that one; False also when the server's secret was another one then."""
        given = token.encode("utf-8", "replace")
        return hmac.compare_digest(given, self.token(grant_id, number).encode())
