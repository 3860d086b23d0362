"""What the token endpoint answers: everything in it follows from the grant's row.

Spec: RFC 6749 §5.1, https://atproto.com/specs/oauth
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pds.services.oauth.access_tokens import AccessToken, AccessTokens
from pds.services.oauth.lifetimes import SECOND_US
from pds.services.oauth.refresh_tokens import RefreshTokens
from pds.storage.oauth_grants import GrantRow


@dataclass(frozen=True, slots=True)
class TokenReply:
    """``expires_in_s`` counts from when the tokens were issued. did: whose grant it is."""

    access_token: str
    refresh_token: str | None
    expires_in_s: int
    scope: str
    did: str

    def to_value(self) -> dict[str, Any]:
        """The JSON body."""
        value: dict[str, Any] = {
            "access_token": self.access_token,
            "token_type": "DPoP",
            "expires_in": self.expires_in_s,
            "scope": self.scope,
            "sub": self.did,
        }
        if self.refresh_token is not None:
            value["refresh_token"] = self.refresh_token
        return value


def write_reply(
    grant: GrantRow, did: str, access_tokens: AccessTokens, refresh_tokens: RefreshTokens
) -> TokenReply:
    """The tokens in use of a grant of the account ``did``: the same row, the same reply."""
    issued_at_s = grant.issued_at_us // SECOND_US
    expires_at_s = grant.access_expires_at_us // SECOND_US
    access = AccessToken(
        id=grant.token_id,
        did=did,
        client_id=grant.client_id,
        jkt=grant.dpop_jkt,
        issued_at_s=issued_at_s,
        expires_at_s=expires_at_s,
    )
    may_refresh = grant.refresh_hash is not None
    return TokenReply(
        access_token=access_tokens.write(access),
        refresh_token=(
            refresh_tokens.token(grant.id, grant.refresh_number) if may_refresh else None
        ),
        expires_in_s=expires_at_s - issued_at_s,
        scope=grant.scope,
        did=did,
    )
