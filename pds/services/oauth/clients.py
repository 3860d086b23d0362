"""Who a client is: what follows from its id, or the document at the address that is its id.

Spec: https://atproto.com/specs/oauth#clients
"""

from __future__ import annotations

from typing import Final, NoReturn, TypeVar

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.client_id import kind_of
from pds.atproto.oauth.client_metadata import ClientMetadata, parse_client_metadata
from pds.atproto.oauth.jwk import InvalidJwkError, JwkSet, parse_jwk_set
from pds.atproto.oauth.loopback_client import loopback_metadata
from pds.config import Config
from pds.network.client_documents import ClientDocuments
from pds.network.http_client import FetchError
from pds.oauth_errors import (
    ClientUnavailableError,
    InvalidClientMetadataError,
    InvalidRedirectUriError,
    TemporarilyUnavailableError,
)
from pds.services.clock import Clock
from pds.services.look_ups import LookUps, LookUpsBusyError
from pds.services.oauth.fetched_cache import FetchedCache, Loaded
from pds.services.oauth.model import Client

# A key that is not in the set may be a new one; who makes one up has us ask no more often.
FRESH_KEYS_US: Final = 60_000_000
_SHOWN_CHARS: Final = 200  # of an address, in a message

Found = TypeVar("Found")


class Clients:
    """Finds clients. Their documents are kept in memory for ten minutes."""

    def __init__(
        self, config: Config, documents: ClientDocuments, look_ups: LookUps, clock: Clock
    ) -> None:
        self._documents = documents
        self._trusted = frozenset(config.oauth_trusted_clients)
        self._admits_test_clients = config.oauth_test_clients
        self._metadata = FetchedCache(self._load_metadata, clock, look_ups)
        self._keys = FetchedCache(self._load_keys, clock, look_ups)

    def get(self, client_id: str) -> Client:
        """The client; may mean to wait for another server, for ten seconds at most.

        Raises:
            InvalidClientMetadataError, InvalidRedirectUriError: there is no such client, or its
                document is at fault; the message begins with the field, or says what came of
                fetching it.
            TemporarilyUnavailableError: too many documents are being fetched.
        """
        try:
            if kind_of(client_id, admit_test_clients=self._admits_test_clients) == "loopback":
                return Client(loopback_metadata(client_id), is_loopback=True)
        except ClientMetadataError as error:
            _refuse(error)
        metadata = _when_not_busy(self._metadata, client_id, None)
        return Client(metadata, is_trusted=client_id in self._trusted)

    def keys(self, client: Client, *, fresh: bool = False) -> JwkSet:
        """The keys that the client signs with; none of a public client.

        fresh: those published now, at most a minute ago: for an assertion by a key that is not
            among the known ones.

        Raises:
            InvalidClientMetadataError, InvalidRedirectUriError: they could not be had, or are at
                fault.
            TemporarilyUnavailableError: too many documents are being fetched.
        """
        if client.is_public:
            return JwkSet(())
        max_age_us = FRESH_KEYS_US if fresh else None
        metadata = client.metadata
        if fresh and metadata.jwks is not None:
            metadata = _when_not_busy(self._metadata, client.id, max_age_us)
        if metadata.jwks is not None:
            return metadata.jwks
        if metadata.jwks_uri is None:  # it has become a public client
            return JwkSet(())
        return _when_not_busy(self._keys, metadata.jwks_uri, max_age_us)

    def _load_metadata(self, client_id: str) -> Loaded[ClientMetadata]:
        try:
            document = self._documents.metadata(client_id)
        except FetchError as error:
            raise ClientUnavailableError(_unavailable("client_id", client_id, error)) from error
        try:
            metadata = parse_client_metadata(document.content, client_id=client_id)
        except ClientMetadataError as error:
            _refuse(error)
        return Loaded(metadata, document.size_bytes)

    def _load_keys(self, uri: str) -> Loaded[JwkSet]:
        try:
            document = self._documents.keys(uri)
            return Loaded(parse_jwk_set(document.content), document.size_bytes)
        except FetchError as error:
            raise ClientUnavailableError(_unavailable("jwks_uri", uri, error)) from error
        except InvalidJwkError as error:
            raise InvalidClientMetadataError(f"jwks_uri: {error}") from error


def _when_not_busy(cache: FetchedCache[Found], url: str, max_age_us: int | None) -> Found:
    try:
        return cache.get(url, max_age_us=max_age_us)
    except LookUpsBusyError as error:
        raise TemporarilyUnavailableError(str(error)) from error


def _unavailable(field: str, url: str, error: FetchError) -> str:
    shown = url if len(url) <= _SHOWN_CHARS else f"{url[:_SHOWN_CHARS]}…"
    return f"{field}: could not fetch {shown}: {error}"


def _refuse(error: ClientMetadataError) -> NoReturn:
    """The same in the words of the endpoints."""
    if error.error == "invalid_redirect_uri":
        raise InvalidRedirectUriError(str(error)) from error
    raise InvalidClientMetadataError(str(error)) from error
