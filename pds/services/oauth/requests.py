"""Pushed authorization requests: what a client wants, kept until the member has decided.

Strangers can push, so there are never more than so many: those that would lapse first make room. A
request that somebody works on is prolonged with every page, so a flood ends its own.

Specs: RFC 9126, https://atproto.com/specs/oauth#authorization-requests, RFC 9101 (``request``)
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pds.atproto.oauth.jwk import JwkSet
from pds.atproto.oauth.request_object import RequestObject, verify_request_object
from pds.atproto.oauth.signed_jwt import InvalidJwtError
from pds.oauth_errors import InvalidAccessTokenError, InvalidDpopProofError, OAuthError
from pds.services.clock import Clock
from pds.services.oauth.client_credentials import (
    AuthenticatedClient,
    ClientAuthentication,
    ClientCredentials,
    KnownClients,
    seen_key,
    with_keys,
)
from pds.services.oauth.fields import fields_of
from pds.services.oauth.model import Client
from pds.services.oauth.request_parameters import (
    KnownPermissionSets,
    RequestedParameters,
    admit_parameters,
    read_parameters,
)
from pds.storage import oauth_requests, oauth_seen
from pds.storage.database import transaction
from pds.storage.oauth_requests import OAuthRequestRow

REQUEST_LIFETIME_S: Final = 300
MAX_OPEN_REQUESTS: Final = 5_000
REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
SEEN_REQUEST_OBJECT: Final = "request-object"
_SECOND_US: Final = 1_000_000

_ID: Final = re.compile(r"req-[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as it can be read before the client is known.

    One of the last two: ``parameters``, or the signed object they are in.
    """

    credentials: ClientCredentials
    parameters: RequestedParameters | None
    request_object: str | None


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """expires_in: seconds within which a browser must open the request."""

    request_uri: str
    expires_in: int


class Requests:
    def __init__(
        self,
        authentication: ClientAuthentication,
        clients: KnownClients,
        permission_sets: KnownPermissionSets,
        *,
        issuer: str,
        clock: Clock,
    ) -> None:
        self._authentication = authentication
        self._clients = clients
        self._permission_sets = permission_sets
        self._issuer = issuer
        self._clock = clock

    @staticmethod
    def read(fields: Mapping[str, str]) -> Asked:
        """Check the form of a request, before anybody else is asked anything.

        ``request_uri`` is passed over: a request that is pushed has none yet.

        Raises:
            OAuthError: invalid_client, invalid_request, unsupported_response_type, invalid_scope.
        """
        credentials = ClientCredentials.of(fields)
        signed = fields.get("request")
        return Asked(credentials, None if signed else read_parameters(fields), signed)

    def push(self, asked: Asked, jkt: str | None) -> PushedRequest:
        """Keep a request, if the client may make it.

        jkt: the key of the DPoP proof, if one came along; the request may name the key itself.
        Asks others: for the client's document and keys, and for permission sets.

        Raises:
            OAuthError: of any kind but those of tokens.
        """
        client = self._authentication.authenticate(asked.credentials, jkt)
        requested, signed = asked.parameters, None
        if requested is None:
            signed = self._open(asked.request_object or "", client.client)
            requested = read_parameters(fields_of(signed.parameters))
        bound_to = _bound_to(requested.dpop_jkt, jkt)
        client.check_dpop_key(bound_to)
        parameters = admit_parameters(requested, client.client, self._permission_sets)
        now_us = self._clock()
        row = OAuthRequestRow(
            f"req-{secrets.token_hex(16)}",
            client.client.id,
            client.auth.to_json(),
            parameters.to_json(),
            bound_to,
            created_at_us=now_us,
            expires_at_us=now_us + REQUEST_LIFETIME_S * _SECOND_US,
        )
        self._keep(row, client, signed)
        return PushedRequest(REQUEST_URI_PREFIX + row.id, REQUEST_LIFETIME_S)

    def _keep(
        self, row: OAuthRequestRow, client: AuthenticatedClient, signed: RequestObject | None
    ) -> None:
        with transaction():
            client.use_up(row.created_at_us)
            if signed is not None:
                _use_up(client.client, signed, row.created_at_us)
            surplus = oauth_requests.count() + 1 - MAX_OPEN_REQUESTS
            if surplus > 0:
                oauth_requests.delete_first_to_lapse(surplus)
            oauth_requests.insert(row)

    def _open(self, text: str, client: Client) -> RequestObject:
        """The parameters that a client has signed."""
        if client.is_public:
            raise OAuthError("request: only confidential clients can sign their requests")

        def verify(keys: JwkSet) -> RequestObject:
            now = self._clock() / _SECOND_US
            return verify_request_object(
                text, client_id=client.id, issuer=self._issuer, keys=keys, now=now
            )

        try:
            return with_keys(self._clients, client, verify)
        except InvalidJwtError as error:
            raise OAuthError(f"request: {error}") from error


def request_id(request_uri: str) -> str | None:
    """The id of the request that a browser brings, if it can be one of ours."""
    if not request_uri.startswith(REQUEST_URI_PREFIX):
        return None
    found = request_uri.removeprefix(REQUEST_URI_PREFIX)
    return found if _ID.fullmatch(found) else None


def _bound_to(named: str | None, proven: str | None) -> str:
    """The key that tokens will be bound to."""
    if named is not None and proven is not None and named != proven:
        # The name and status that the reference answers with.
        raise InvalidAccessTokenError("dpop_jkt: is not the key of the DPoP proof")
    bound_to = proven or named
    if bound_to is None:
        raise InvalidDpopProofError("the DPoP header is missing, and so is dpop_jkt")
    return bound_to


def _use_up(client: Client, signed: RequestObject, now_us: int) -> None:
    is_new = oauth_seen.add(
        SEEN_REQUEST_OBJECT,
        seen_key(client.id, signed.jti),
        expires_at_us=signed.expires_at * _SECOND_US,
        now_us=now_us,
    )
    if not is_new:
        raise OAuthError('request: one with this "jti" was used already')
