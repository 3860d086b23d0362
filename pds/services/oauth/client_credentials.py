"""Who a client is: its id, and for confidential clients a signed assertion that proves it.

An assertion is good for one request that succeeds. Its id is noted in the transaction of what it
was for, so a crash forgets both or neither.

Spec: https://atproto.com/specs/oauth#confidential-client-authentication, RFC 7523
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pds.atproto.oauth.client_assertion import (
    ASSERTION_TYPE,
    ClientAssertion,
    check_other_key,
    verify_assertion,
)
from pds.atproto.oauth.jwk import JwkSet
from pds.atproto.oauth.signed_jwt import InvalidJwtError, UnknownKeyError
from pds.oauth_errors import InvalidClientError, InvalidGrantError
from pds.services.clock import Clock
from pds.services.oauth.model import Client, ClientAuth
from pds.storage import oauth_seen

SEEN_ASSERTION = "client-assertion"
_SECOND_US = 1_000_000

_Verified = TypeVar("_Verified")


class KnownClients(Protocol):
    """Where clients are looked up; may ask others, so never inside a transaction."""

    def get(self, client_id: str) -> Client: ...
    def keys(self, client: Client, *, fresh: bool = False) -> JwkSet: ...


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What a request says about who sends it; nothing is checked yet but its form."""

    client_id: str
    assertion: str | None = field(default=None, repr=False)
    assertion_type: str | None = None

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> ClientCredentials:
        """Pick them from the fields of a request.

        Raises:
            InvalidClientError: there is no client id.
        """
        client_id = fields.get("client_id")
        if not client_id:
            raise InvalidClientError("client_id: is missing")
        return cls(client_id, fields.get("client_assertion"), fields.get("client_assertion_type"))


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client that has shown who it is; ``auth`` is how, to be kept with request and grant."""

    client: Client
    auth: ClientAuth
    _assertion: ClientAssertion | None = None

    def check_dpop_key(self, jkt: str) -> None:
        """Check that the client does not prove who it is with the key of its tokens.

        Raises:
            InvalidClientError
        """
        if self._assertion is None:
            return
        try:
            check_other_key(self._assertion, dpop_thumbprint=jkt)
        except InvalidJwtError as error:
            raise InvalidClientError(f"client_assertion: {error}") from error

    def use_up(self, now_us: int) -> None:
        """Note that the assertion was used. The caller holds the transaction of what it was for.

        Raises:
            InvalidGrantError: it was used before.
        """
        if self._assertion is None:
            return
        is_new = oauth_seen.add(
            SEEN_ASSERTION,
            seen_key(self.client.id, self._assertion.jti),
            expires_at_us=self._assertion.expires_at * _SECOND_US,
            now_us=now_us,
        )
        if not is_new:
            raise InvalidGrantError('client_assertion: one with this "jti" was used already')


class ClientAuthentication:
    def __init__(self, clients: KnownClients, issuer: str, clock: Clock) -> None:
        self._clients = clients
        self._issuer = issuer
        self._clock = clock

    def authenticate(
        self, credentials: ClientCredentials, jkt: str | None = None
    ) -> AuthenticatedClient:
        """Find the client and have it prove who it is, as its metadata say it does.

        jkt: the key of the request's DPoP proof, if there is one. Asks others, so do not call it
        inside a transaction; then call ``use_up`` of the result inside the one that follows.

        Raises:
            InvalidClientError: it has not proven who it is.
            OAuthError: there is no such client, see ``KnownClients``.
        """
        client = self._clients.get(credentials.client_id)
        if client.is_public:
            # An assertion is ignored, as the reference does: nothing could verify it.
            return AuthenticatedClient(client, ClientAuth("none"))
        assertion = self._verified(client, credentials)
        auth = ClientAuth(
            "private_key_jwt", assertion.algorithm, assertion.kid, assertion.thumbprint
        )
        found = AuthenticatedClient(client, auth, assertion)
        if jkt is not None:
            found.check_dpop_key(jkt)
        return found

    def _verified(self, client: Client, credentials: ClientCredentials) -> ClientAssertion:
        if credentials.assertion_type != ASSERTION_TYPE:
            raise InvalidClientError(f"client_assertion_type: must be {ASSERTION_TYPE}")
        if credentials.assertion is None:
            raise InvalidClientError("client_assertion: is missing")
        given = credentials.assertion

        def verify(keys: JwkSet) -> ClientAssertion:
            now = self._clock() / _SECOND_US
            return verify_assertion(
                given, client_id=client.id, issuer=self._issuer, keys=keys, now=now
            )

        try:
            return with_keys(self._clients, client, verify)
        except InvalidJwtError as error:
            raise InvalidClientError(f"client_assertion: {error}") from error


def with_keys(
    clients: KnownClients, client: Client, verify: Callable[[JwkSet], _Verified]
) -> _Verified:
    """What ``verify`` finds out with the client's keys: those at hand, or fresh ones if need be.

    Raises:
        InvalidJwtError: as ``verify`` does; an UnknownKeyError the second time only.
        OAuthError: the keys cannot be had.
    """
    try:
        return verify(clients.keys(client))
    except UnknownKeyError:  # perhaps the client has changed its keys since they were fetched
        return verify(clients.keys(client, fresh=True))


def seen_key(client_id: str, jti: str) -> str:
    """By which a token of a client is remembered. Each has ids of its own; a digest is short."""
    return hashlib.sha256(f"{client_id} {jti}".encode("utf-8", "surrogatepass")).hexdigest()
