"""Grants ended by the client they were given to: its user signs out.

The answer never says whether there was anything to end: whoever asks learns nothing about tokens
that are not their own.

Spec: RFC 7009, https://atproto.com/specs/oauth
"""

from __future__ import annotations

import hmac

from pds.oauth_errors import InvalidAccessTokenError
from pds.services.oauth.client_credentials import AuthenticatedClient
from pds.services.oauth.refresh_tokens import hash_of
from pds.services.oauth.token_parts import TokenParts, use_up_assertion
from pds.storage import oauth_grants, oauth_requests
from pds.storage.database import transaction
from pds.storage.oauth_grants import GrantRow
from pds.storage.oauth_requests import OAuthRequestRow


class Revocation:
    """Ends what a token belongs to."""

    def __init__(self, parts: TokenParts) -> None:
        self._parts = parts

    def revoke(self, client: AuthenticatedClient, token: str, jkt: str | None) -> None:
        """End the grant that a token belongs to, and make a code that is not used yet worthless.

        token: a refresh token in use or used, an access token (also a lapsed one), its id, a code.
        jkt: the key of the request's proof, None for a request without one.
        What belongs to another client or another key stays as it is, and nothing tells of it.

        Raises:
            InvalidClientError: the client's assertion was used before.
        """
        with transaction():
            use_up_assertion(client, self._parts.clock())
            grant = self._find_grant(token)
            if grant is not None and _is_theirs(grant, client, jkt):
                oauth_grants.delete(grant.id)
            request = oauth_requests.find_by_code(hash_of(token))
            if request is not None and _is_theirs(request, client, jkt):
                oauth_requests.delete(request.id)

    def is_known(self, token: str) -> bool:
        """Whether anything here belongs to a token or a code, whoever shows it."""
        waiting = oauth_requests.find_by_code(hash_of(token))
        return waiting is not None or self._find_grant(token) is not None

    def _find_grant(self, token: str) -> GrantRow | None:
        kind = token.partition("-")[0] if token.isascii() else ""
        if kind == "ref":
            return _find_by_refresh_token(hash_of(token))
        if kind == "cod":
            return oauth_grants.find_by_code(hash_of(token))
        if kind == "tok":
            return oauth_grants.find_by_token(token)
        try:
            return oauth_grants.find_by_token(self._parts.access_tokens.read(token))
        except InvalidAccessTokenError:
            return None


def _find_by_refresh_token(token_hash: str) -> GrantRow | None:
    grant = oauth_grants.find_by_refresh(token_hash)
    if grant is not None:
        return grant
    used = oauth_grants.find_used(token_hash)
    return None if used is None else oauth_grants.find(used.grant_id)


def _is_theirs(
    row: GrantRow | OAuthRequestRow, client: AuthenticatedClient, jkt: str | None
) -> bool:
    is_their_key = jkt is None or hmac.compare_digest(row.dpop_jkt.encode(), jkt.encode())
    return is_their_key and row.client_id == client.client.id
