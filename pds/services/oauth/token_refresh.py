"""Refresh tokens into new tokens.

Terms
- rotation: every refresh replaces both tokens; the refresh token that was used is remembered.
- grace: for a minute after that, and only until its successor is used, the token that was used
  last gives the *same* new tokens again. The reply may have been lost, or two tabs of an app may
  have refreshed at once.
- reuse: a used token outside the grace. Somebody else has it; nobody can tell who of the two is the
  app, so the grant ends.

Tricky bits
- Refreshes of a grant take turns, as all transactions do; the one that comes second finds its token
  used, and is in the grace.
- A failure that may pass, or that is about the client rather than the grant, leaves the grant as it
  is; and only a grant that is really over is refused as ``invalid_grant``, on which apps sign out.
- A refusal does not undo what happened before it.

Spec: https://atproto.com/specs/oauth, RFC 6749 §6, RFC 9700 §4.14
"""

from __future__ import annotations

import dataclasses
import hmac
import logging
from dataclasses import dataclass, field
from typing import Final

from pds.oauth_errors import (
    InvalidGrantError,
    TemporarilyUnavailableError,
    UnauthorizedClientError,
)
from pds.services.oauth.client_credentials import AuthenticatedClient
from pds.services.oauth.lifetimes import SECOND_US, ends_of
from pds.services.oauth.model import ClientAuth
from pds.services.oauth.refresh_tokens import hash_of
from pds.services.oauth.token_parts import (
    TokenParts,
    check_same_client,
    new_token_id,
    refusing_in_transaction,
    use_up_assertion,
)
from pds.services.oauth.token_reply import TokenReply
from pds.storage import accounts, oauth_grants
from pds.storage.oauth_grants import GrantRow, UsedRefreshToken

logger = logging.getLogger("pds.oauth")

GRACE_S: Final = 60
KEPT_USED: Final = 1_000  # of each grant; what is older is refused like one that never was


@dataclass(frozen=True, slots=True)
class PresentedRefreshToken:
    """What a client shows to get new tokens. jkt: the key its request is signed with.

    scope: if it wants to do with less than was granted, for this time.
    """

    token: str = field(repr=False)
    jkt: str
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """The grant of a refresh token; ``used`` is None when the token is the one in use."""

    grant: GrantRow
    used: UsedRefreshToken | None

    @property
    def number(self) -> int:
        return self.grant.refresh_number if self.used is None else self.used.number


class TokenRefresh:
    """Renews the tokens of grants."""

    def __init__(self, parts: TokenParts) -> None:
        self._parts = parts

    def refresh(self, client: AuthenticatedClient, presented: PresentedRefreshToken) -> TokenReply:
        """Trade a refresh token for new tokens.

        Raises:
            InvalidGrantError: the token is good for nothing (any more).
            InvalidClientError: the client has to prove who it is, in the way it did before.
            UnauthorizedClientError: it does not claim to refresh tokens (any more).
            InvalidScopeError: it asks for more than it was granted.
            TemporarilyUnavailableError: a permission set that it asks for cannot be had.
        """
        if "refresh_token" not in client.client.metadata.grant_types:
            raise UnauthorizedClientError("grant_types: the client does not list refresh_token")
        token_hash = hash_of(presented.token)
        scope = self._next_scope(client, presented, token_hash)

        def trade() -> TokenReply:
            use_up_assertion(client, self._parts.clock())
            return self._trade(client, presented, token_hash, scope)

        return refusing_in_transaction(trade)

    def _next_scope(
        self, client: AuthenticatedClient, presented: PresentedRefreshToken, token_hash: str
    ) -> str | None:
        """May ask others, so it comes before the transaction; None when nothing will be issued."""
        grant = oauth_grants.find_by_refresh(token_hash)
        if grant is None or grant.client_id != client.client.id:
            return None
        return self._parts.scopes.at_refresh(grant, presented.scope)

    def _trade(
        self,
        client: AuthenticatedClient,
        presented: PresentedRefreshToken,
        token_hash: str,
        scope: str | None,
    ) -> TokenReply:
        found = _find(token_hash)
        grant = found.grant
        if not self._parts.refresh_tokens.is_token(presented.token, grant.id, found.number):
            raise _no_such_token()  # issued under a secret that the operator has replaced
        if grant.client_id != client.client.id:
            raise InvalidGrantError("refresh_token: was issued to another client")
        check_same_client(ClientAuth.from_json(grant.client_auth), client.auth)
        end = self._end(found, presented.jkt)
        if end is not None:
            oauth_grants.delete(grant.id)
            logger.info("the grant %s to %s has ended: %s", grant.id, grant.client_id, end)
            raise end
        account = accounts.find_by_id(grant.account_id)
        if account is None or account.is_taken_down:
            raise InvalidGrantError("The account is not available")
        if found.used is None:
            if scope is None:  # only if it was found to be in use just now
                raise TemporarilyUnavailableError
            grant = self._rotate(grant, client, token_hash, scope)
        return self._parts.reply(grant, account.did)

    def _end(self, found: _Found, jkt: str) -> InvalidGrantError | None:
        """Why this ends the grant, if it does."""
        grant, used, now_us = found.grant, found.used, self._parts.clock()
        if not hmac.compare_digest(grant.dpop_jkt.encode(), jkt.encode()):
            return InvalidGrantError("refresh_token: is bound to another DPoP key")
        if used is not None and not _is_in_grace(grant, used, now_us):
            return InvalidGrantError("refresh_token: was used before")
        if min(grant.expires_at_us, grant.refresh_expires_at_us or 0) <= now_us:
            return InvalidGrantError("refresh_token: has expired")
        return None

    def _rotate(
        self, grant: GrantRow, client: AuthenticatedClient, token_hash: str, scope: str
    ) -> GrantRow:
        now_us = self._parts.clock()
        number = grant.refresh_number + 1
        ends = ends_of(
            now_us,
            grant.created_at_us,
            is_confidential=client.auth.method == "private_key_jwt",
            may_refresh=True,
        )
        renewed = dataclasses.replace(
            grant,
            client_auth=client.auth.to_json(),
            client_name=client.client.name,
            scope=scope,
            token_id=new_token_id(),
            issued_at_us=now_us,
            access_expires_at_us=ends.access_us,
            refresh_hash=hash_of(self._parts.refresh_tokens.token(grant.id, number)),
            refresh_number=number,
            refreshed_at_us=now_us,
            used_at_us=now_us,
            expires_at_us=ends.grant_us,
            refresh_expires_at_us=ends.refresh_us,
        )
        oauth_grants.update(renewed)
        used = UsedRefreshToken(grant.id, grant.refresh_number, now_us)
        oauth_grants.add_used(token_hash, used, keep=KEPT_USED)
        return renewed


def _find(token_hash: str) -> _Found:
    grant = oauth_grants.find_by_refresh(token_hash)
    if grant is not None:
        return _Found(grant, None)
    used = oauth_grants.find_used(token_hash)
    grant = None if used is None else oauth_grants.find(used.grant_id)
    if grant is None:
        raise _no_such_token()
    return _Found(grant, used)


def _is_in_grace(grant: GrantRow, used: UsedRefreshToken, now_us: int) -> bool:
    is_the_last = used.number == grant.refresh_number - 1
    return is_the_last and now_us - used.used_at_us < GRACE_S * SECOND_US


def _no_such_token() -> InvalidGrantError:
    return InvalidGrantError("refresh_token: there is no such token (any more)")
