"""Grants: what members have allowed to clients, and what a client shows to make use of it.

Terms
- grant: a row, from the exchange of a code until its end. Whatever ends it (a revocation, a
  takedown, time) takes effect at once, as every request looks.
- approval: that a member has agreed to what a client asks for. It is remembered longer than a
  grant, so that the next one need not be agreed to again, and forgotten when its member ends the
  last grant of the client.

Spec: https://atproto.com/specs/oauth
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import lru_cache

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.oauth_errors import InvalidAccessTokenError
from pds.services.oauth.client_credentials import AuthenticatedClient
from pds.services.oauth.code_exchange import CodeExchange, PresentedCode
from pds.services.oauth.last_use import LastUse
from pds.services.oauth.model import OAuthAccess
from pds.services.oauth.revocation import Revocation
from pds.services.oauth.token_parts import TokenParts
from pds.services.oauth.token_refresh import PresentedRefreshToken, TokenRefresh
from pds.services.oauth.token_reply import TokenReply
from pds.services.slices import Slices
from pds.storage import oauth_clients, oauth_grants, oauth_requests
from pds.storage.database import transaction
from pds.storage.oauth_grants import GrantRow

MAX_LISTED = 500
_PARSED_SCOPES = 128  # texts; the longest ones have some 100 kB


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as its member sees it. Times are Unix microseconds.

    client_name: what the client was called when the grant was made.
    scope: what the client may do, permission sets replaced by what is in them.
    requested_scope: the same as the client asked for it.
    used_at_us: right to some minutes. browser_id: where the member agreed, if that is still known.
    """

    id: str
    client_id: str
    client_name: str | None
    scope: ScopeSet
    requested_scope: ScopeSet
    created_at_us: int
    used_at_us: int
    expires_at_us: int
    browser_id: str | None


class Grants:
    """Makes, renews, checks, lists and ends grants."""

    def __init__(self, parts: TokenParts) -> None:
        self._clock = parts.clock
        self._tokens = parts.access_tokens
        self._last_use = LastUse()
        self._exchange = CodeExchange(parts)
        self._refresh = TokenRefresh(parts)
        self._revocation = Revocation(parts)

    # --- tokens ----------------------------------------------------------------------------------

    def is_known(self, token: str) -> bool:
        """See ``Revocation.is_known``."""
        return self._revocation.is_known(token)

    def exchange(self, client: AuthenticatedClient, presented: PresentedCode) -> TokenReply:
        """See ``CodeExchange.exchange``."""
        return self._exchange.exchange(client, presented)

    def refresh(self, client: AuthenticatedClient, presented: PresentedRefreshToken) -> TokenReply:
        """See ``TokenRefresh.refresh``."""
        return self._refresh.refresh(client, presented)

    def revoke(self, client: AuthenticatedClient, token: str, jkt: str | None) -> None:
        """See ``Revocation.revoke``."""
        self._revocation.revoke(client, token, jkt)

    # --- use -------------------------------------------------------------------------------------

    def check_issued(self, token: str) -> None:
        """Whether this server has issued an access token, be it of use still or not; no query.

        Raises:
            InvalidAccessTokenError
        """
        self._tokens.read(token)

    def verify_access(self, token: str, jkt: str) -> OAuthAccess:
        """Whose grant an access token belongs to, and what it allows.

        jkt: the thumbprint of the key that the request was signed with. The state of the account is
        for the caller to judge.

        Raises:
            InvalidAccessTokenError: no token of ours, lapsed, ended, or bound to another key.
        """
        live = oauth_grants.find_live(self._tokens.read(token))
        if live is None:
            message = "The access token has been revoked or replaced"
            raise InvalidAccessTokenError(message)
        if not hmac.compare_digest(live.dpop_jkt.encode(), jkt.encode()):
            message = "The access token is bound to another key"
            raise InvalidAccessTokenError(message)
        now_us = self._clock()
        if live.access_expires_at_us <= now_us:
            message = "The access token has expired"
            raise InvalidAccessTokenError(message)
        self._last_use.note(live.id, live.used_at_us, now_us)
        return OAuthAccess(
            did=live.did,
            account_id=live.account_id,
            grant_id=live.id,
            client_id=live.client_id,
            scopes=_parsed(live.scope),
            is_taken_down=live.takedown_ref is not None,
            is_deactivated=live.deactivated_at is not None,
        )

    # --- looking ---------------------------------------------------------------------------------

    def list_for_account(self, account_id: int) -> list[Grant]:
        """An account's grants that have not lapsed, the last used first."""
        now_us = self._clock()
        found = oauth_grants.list_for_account(account_id, MAX_LISTED)
        return [_shown(grant) for grant in found if _end_of(grant) > now_us]

    # --- ending ----------------------------------------------------------------------------------

    def revoke_for_member(self, account_id: int, grant_id: str) -> bool:
        """End one grant because its member wants it; False when the account has no such grant.

        With the last grant of a client its approval is forgotten.
        """
        with transaction():
            grant = oauth_grants.find(grant_id)
            if grant is None or grant.account_id != account_id:
                return False
            oauth_grants.delete(grant_id)
            if not oauth_grants.has_any(account_id, grant.client_id):
                oauth_clients.forget(account_id, grant.client_id)
            return True

    def end_all(self, account_id: int, keep: str | None = None) -> None:
        """End an account's grants, and with them approvals and codes that are not used yet.

        Part of the caller's transaction. keep: the id of a grant that goes on, and whose client
        remains approved.
        """
        kept = None if keep is None else oauth_grants.find(keep)
        if kept is not None and kept.account_id != account_id:
            kept = None
        oauth_requests.delete_for_account(account_id)
        oauth_grants.delete_for_account(account_id, keep="" if kept is None else kept.id)
        oauth_clients.forget_all(account_id, keep_client_id="" if kept is None else kept.client_id)

    def expire(self) -> int:
        """Forget the grants that have lapsed; return how many."""
        now_us = self._clock()
        return Slices(lambda: False).run(lambda limit: oauth_grants.delete_lapsed(now_us, limit))


@lru_cache(maxsize=_PARSED_SCOPES)
def _parsed(scope: str) -> ScopeSet:
    """Clients ask for the same things again and again; reading them takes up to milliseconds."""
    return ScopeSet.parse(scope)


def _shown(grant: GrantRow) -> Grant:
    return Grant(
        id=grant.id,
        client_id=grant.client_id,
        client_name=grant.client_name,
        scope=_parsed(grant.scope),
        requested_scope=_parsed(grant.requested_scope),
        created_at_us=grant.created_at_us,
        used_at_us=grant.used_at_us,
        expires_at_us=_end_of(grant),
        browser_id=grant.browser_id,
    )


def _end_of(grant: GrantRow) -> int:
    """When a grant ends if nothing is done with it: with its refresh token, if it has one."""
    return min(grant.expires_at_us, grant.refresh_expires_at_us or grant.access_expires_at_us)
