"""From a DID to its document, straight from the source; remembering is somebody else's task.

Spec: https://atproto.com/specs/did#blessed-did-methods
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from pds.atproto import dag_json
from pds.atproto.syntax.handle import DISALLOWED_TLDS, Handle, is_handle
from pds.errors import UnresolvableDidError, UpstreamFailureError
from pds.network.http_client import FetchError, HttpClient
from pds.network.plc_directory import NotRegisteredError, TombstonedDidError

TIMEOUT_S = 3.0
MAX_DOCUMENT_BYTES = 65_536  # they are kept, and anybody can make us fetch one

_PLC: Final = re.compile(r"did:plc:[a-z2-7]{24}")
_LOCALHOST: Final = re.compile(r"localhost(?:%3[Aa]([0-9]{1,5}))?")


class DidNotFoundError(UnresolvableDidError):
    """There certainly is no such DID (or there is no longer)."""


class DidEndedError(DidNotFoundError):
    """There was one; its owner has ended it for good."""


class DidResolutionError(UnresolvableDidError):
    """Nobody who could know answered properly; trying again later may help."""


class PlcDocuments(Protocol):
    """The part of a PLC directory that is needed here."""

    def document(self, did: str) -> dict[str, Any]:
        """Raises NotRegisteredError, UpstreamFailureError."""


class DidResolver:
    """Resolves did:plc through ``plc`` and did:web over https.

    allow_localhost: did:web:localhost%3A<port> is asked over plain http, and ``.test`` names are
        looked up. For development; ``http`` must then allow private addresses.
    """

    def __init__(
        self,
        plc: PlcDocuments,
        http: HttpClient,
        *,
        timeout_s: float = TIMEOUT_S,
        allow_localhost: bool = False,
    ) -> None:
        self._plc = plc
        self._http = http
        self._timeout_s = timeout_s
        self._allow_localhost = allow_localhost

    def resolve(self, did: str) -> dict[str, Any]:
        """The DID document; its ``id`` is ``did``, the rest is as its owner wrote it.

        Raises:
            DidNotFoundError: there is none, or it cannot exist.
            DidResolutionError: it could not be fetched, or is not a document of this DID.
        """
        if did.startswith("did:plc:"):
            document = self._resolve_plc(did)
        elif did.startswith("did:web:"):
            document = self._resolve_web(did)
        else:
            raise DidNotFoundError(f"Unsupported DID method: {did[:64]}")
        if document.get("id") != did:
            raise DidResolutionError(f"The document is not that of {did}")
        return document

    def _resolve_plc(self, did: str) -> dict[str, Any]:
        if not _PLC.fullmatch(did):
            raise DidNotFoundError(f"Not a did:plc: {did[:64]}")
        try:
            return self._plc.document(did)
        except TombstonedDidError as error:
            raise DidEndedError(f"DID has been ended by its owner: {did}") from error
        except NotRegisteredError as error:
            raise DidNotFoundError(f"Could not resolve DID: {did}") from error
        except UpstreamFailureError as error:
            raise DidResolutionError(f"Could not resolve DID: {error}") from error

    def _resolve_web(self, did: str) -> dict[str, Any]:
        url = f"{self._origin(did)}/.well-known/did.json"
        try:
            answer = self._http.get(
                url,
                accept="application/did+ld+json, application/json",
                timeout_s=self._timeout_s,
                max_bytes=MAX_DOCUMENT_BYTES,
            )
        except FetchError as error:
            raise DidResolutionError(f"Could not resolve DID: {error}") from error
        if 400 <= answer.status < 500:
            raise DidNotFoundError(f"Could not resolve DID: {did}")
        if not answer.is_success:
            raise DidResolutionError(f"Could not resolve DID: status {answer.status}")
        try:
            document = dag_json.parse(answer.body)
        except dag_json.InvalidJsonError as error:
            raise DidResolutionError(f"The document of {did} is not JSON") from error
        if not isinstance(document, dict):
            raise DidResolutionError(f"The document of {did} is not an object")
        return document

    def _origin(self, did: str) -> str:
        """Where a did:web lives: a bare host name, since the protocol knows no paths."""
        host = did.removeprefix("did:web:")
        localhost = _LOCALHOST.fullmatch(host)
        if localhost is not None and self._allow_localhost:
            return "http://localhost" + (f":{localhost[1]}" if localhost[1] else "")
        if not is_handle(host) or not self._may_resolve(Handle(host).tld):
            raise DidNotFoundError(f"Not a did:web that can be resolved: {did[:64]}")
        return f"https://{host}"

    def _may_resolve(self, tld: str) -> bool:
        return tld not in DISALLOWED_TLDS and (tld != ".test" or self._allow_localhost)
