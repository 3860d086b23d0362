"""Who is this? DID, document and handle of anybody, the handle believed only when both sides agree.

Spec: https://atproto.com/specs/handle#handle-resolution
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pds.atproto.did_document import DidDocumentError, parse_did_document
from pds.atproto.syntax.handle import INVALID_HANDLE
from pds.errors import (
    DidDeactivatedError,
    HandleNotFoundError,
    NoSuchDidError,
    NotEnoughResourcesError,
    PdsError,
    UnresolvableDidError,
    UpstreamFailureError,
)
from pds.network.did_resolver import DidEndedError, DidNotFoundError
from pds.services.handles import HandleLookup


class Documents(Protocol):
    """The part of ``Identity`` that is needed here."""

    def did_document(self, did: str, *, force: bool = False) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ResolvedIdentity:
    """``handle`` is ``handle.invalid`` unless handle and document name each other."""

    did: str
    handle: str
    document: dict[str, Any]


class IdentityResolution:
    """Resolves identities; accounts here need no other server for their handles."""

    def __init__(self, identity: Documents, handles: HandleLookup) -> None:
        self._identity = identity
        self._handles = handles

    def document(self, did: str, *, force: bool = False) -> dict[str, Any]:
        """The DID document; ``force``: as it is now.

        Raises:
            NoSuchDidError, DidDeactivatedError
            UpstreamFailureError: nobody who knows it answered properly.
            NotEnoughResourcesError: too many are being looked up.
        """
        try:
            return self._identity.did_document(did, force=force)
        except DidEndedError as error:
            raise DidDeactivatedError from error
        except DidNotFoundError as error:
            raise NoSuchDidError(str(error)) from error
        except UnresolvableDidError as error:
            raise UpstreamFailureError(str(error)) from error

    def resolve(self, at_identifier: str, *, force: bool = False) -> ResolvedIdentity:
        """The whole identity behind a DID or a handle; ``force``: as it is now.

        Raises:
            HandleNotFoundError: the handle points nowhere.
            NoSuchDidError, DidDeactivatedError, UpstreamFailureError, NotEnoughResourcesError
        """
        if at_identifier.startswith("did:"):
            did, known_handle = at_identifier, None
        else:
            known_handle = at_identifier.lower()
            did = self._did_of(known_handle)
        document = self.document(did, force=force)
        return ResolvedIdentity(did, self._verified_handle(did, document, known_handle), document)

    def _did_of(self, handle: str) -> str:
        try:
            return self._handles.resolve(handle)
        except NotEnoughResourcesError:
            raise
        except PdsError as error:
            raise HandleNotFoundError from error

    def _verified_handle(self, did: str, document: dict[str, Any], known_handle: str | None) -> str:
        """The handle in the document, if it is known to point to ``did`` or does when asked."""
        try:
            claimed = (parse_did_document(document, did).handle or INVALID_HANDLE).lower()
        except DidDocumentError:
            return INVALID_HANDLE
        if claimed == known_handle:
            return claimed
        try:
            return claimed if self._handles.resolve(claimed) == did else INVALID_HANDLE
        except NotEnoughResourcesError:
            raise
        except PdsError:
            return INVALID_HANDLE
