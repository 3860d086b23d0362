"""Codes into tokens: the end of an authorization, and the beginning of a grant.

Tricky bits
- A code is good for one try. Whatever is wrong about that try, the request is gone: nobody guesses
  on. Only what a client can do nothing about (a permission set that is out of reach) comes first.
- A code that is used again has been read by somebody else: what came of it ends, and so does the
  sign-in of the member in the browser that it went through.
- A refusal does not undo what happened before it.

Spec: https://atproto.com/specs/oauth, RFC 6749 §4.1.3 and §10.5, RFC 7636 §4.6
"""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass, field
from typing import Final

from pds.atproto.oauth import pkce
from pds.oauth_errors import InvalidGrantError, UnauthorizedClientError
from pds.services.oauth.client_credentials import AuthenticatedClient
from pds.services.oauth.lifetimes import SECOND_US, ends_of
from pds.services.oauth.model import AuthorizationParameters, ClientAuth
from pds.services.oauth.refresh_tokens import hash_of
from pds.services.oauth.token_parts import (
    TokenParts,
    new_token_id,
    refusing_in_transaction,
    use_up_assertion,
)
from pds.services.oauth.token_reply import TokenReply
from pds.storage import accounts, browsers, oauth_grants, oauth_requests, oauth_seen
from pds.storage.oauth_grants import GrantRow
from pds.storage.oauth_requests import OAuthRequestRow

logger = logging.getLogger("pds.oauth")

SEEN_CHALLENGE: Final = "code-challenge"
CHALLENGE_MEMORY_S: Final = 95_040  # 26.4 hours
MAX_PER_CLIENT: Final = 100
MAX_PER_ACCOUNT: Final = 500


@dataclass(frozen=True, slots=True)
class PresentedCode:
    """What a client shows to get its tokens. jkt: the key its request is signed with."""

    code: str = field(repr=False)
    redirect_uri: str
    code_verifier: str = field(repr=False)
    jkt: str


class CodeExchange:
    """Makes grants."""

    def __init__(self, parts: TokenParts) -> None:
        self._parts = parts

    def exchange(self, client: AuthenticatedClient, presented: PresentedCode) -> TokenReply:
        """Trade a code for the tokens of a new grant.

        Raises:
            InvalidGrantError: there is no such code (any more), or something does not belong to it.
            InvalidClientError: the client's assertion was used before.
            TemporarilyUnavailableError: a permission set cannot be had; the code stays good.
        """
        if "authorization_code" not in client.client.metadata.grant_types:
            raise UnauthorizedClientError
        code_hash = hash_of(presented.code)
        scope = self._scope_of(code_hash)

        def take() -> TokenReply:
            use_up_assertion(client, self._parts.clock())
            return self._take(client, presented, code_hash, scope)

        return refusing_in_transaction(take)

    def _scope_of(self, code_hash: str) -> str:
        """May ask others, so it comes before the transaction."""
        waiting = oauth_requests.find_by_code(code_hash)
        if waiting is None or waiting.granted_scope is None:
            return ""
        return self._parts.scopes.at_issue(waiting.granted_scope)

    def _take(
        self, client: AuthenticatedClient, presented: PresentedCode, code_hash: str, scope: str
    ) -> TokenReply:
        request = oauth_requests.take_by_code(code_hash)
        if request is None:
            raise _unknown_code(code_hash)
        if request.expires_at_us <= self._parts.clock():
            raise InvalidGrantError("code: has expired")
        _check_sender(request, client, presented.jkt)
        self._check_secrets(AuthorizationParameters.from_json(request.parameters), presented)
        account = accounts.find_by_id(request.account_id or 0)
        if account is None or not account.is_active or not scope:
            raise InvalidGrantError("The account is not active")
        grant = self._new_grant(request, client, account.id, scope)
        oauth_grants.insert(grant)
        oauth_grants.delete_unused(
            account.id, grant.client_id, per_client=MAX_PER_CLIENT, per_account=MAX_PER_ACCOUNT
        )
        return self._parts.reply(grant, account.did)

    def _check_secrets(self, request: AuthorizationParameters, presented: PresentedCode) -> None:
        if presented.redirect_uri != request.redirect_uri:
            raise InvalidGrantError("redirect_uri: is not the one of the request")
        if not pkce.verifies(presented.code_verifier, request.code_challenge):
            raise InvalidGrantError("code_verifier: does not fit the code_challenge")
        now_us = self._parts.clock()
        memory_us = now_us + CHALLENGE_MEMORY_S * SECOND_US
        if not oauth_seen.add(
            SEEN_CHALLENGE, request.code_challenge, expires_at_us=memory_us, now_us=now_us
        ):
            raise InvalidGrantError("code_challenge: was used before")

    def _new_grant(
        self, request: OAuthRequestRow, client: AuthenticatedClient, account_id: int, scope: str
    ) -> GrantRow:
        now_us = self._parts.clock()
        grant_id = secrets.token_hex(16)
        may_refresh = "refresh_token" in client.client.metadata.grant_types
        ends = ends_of(
            now_us,
            now_us,
            is_confidential=client.auth.method == "private_key_jwt",
            may_refresh=may_refresh,
        )
        first = self._parts.refresh_tokens.token(grant_id, 0) if may_refresh else None
        return GrantRow(
            id=grant_id,
            account_id=account_id,
            client_id=request.client_id,
            client_name=client.client.name,
            client_auth=client.auth.to_json(),
            dpop_jkt=request.dpop_jkt,
            requested_scope=request.granted_scope or "",
            scope=scope,
            token_id=new_token_id(),
            issued_at_us=now_us,
            access_expires_at_us=ends.access_us,
            refresh_hash=None if first is None else hash_of(first),
            refresh_number=0,
            code_hash=request.code_hash or "",
            browser_id=_browser_of(request),
            created_at_us=now_us,
            refreshed_at_us=now_us,
            used_at_us=now_us,
            expires_at_us=ends.grant_us,
            refresh_expires_at_us=ends.refresh_us,
        )


def _browser_of(request: OAuthRequestRow) -> str | None:
    """The browser in which the member agreed, if it was not forgotten meanwhile."""
    browser = browsers.find(request.browser_hash or "")
    return None if browser is None else browser.id


def _check_sender(request: OAuthRequestRow, client: AuthenticatedClient, jkt: str) -> None:
    if request.client_id != client.client.id:
        raise InvalidGrantError("code: was issued to another client")
    if ClientAuth.from_json(request.client_auth) != client.auth:
        raise InvalidGrantError("The request was pushed under another key of the client")
    if not hmac.compare_digest(request.dpop_jkt.encode(), jkt.encode()):
        raise InvalidGrantError("The request was pushed with a proof by another DPoP key")


def _unknown_code(code_hash: str) -> InvalidGrantError:
    grant = oauth_grants.find_by_code(code_hash)
    if grant is None:
        return InvalidGrantError("code: there is no such code (any more)")
    oauth_grants.delete(grant.id)
    if grant.browser_id is not None:
        browsers.delete_sign_in(grant.browser_id, grant.account_id)
        browsers.delete_if_empty(grant.browser_id)
    logger.warning("a code was used twice: the grant to %s has ended", grant.client_id)
    return InvalidGrantError("code: was used before; what came of it has ended")
