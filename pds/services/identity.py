"""Who is who: DID documents of anybody, and the DIDs of the accounts that live here.

Spec: https://atproto.com/specs/did
"""

from __future__ import annotations

from typing import Any

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.did_document import (
    SIGNING_KEY_ID,
    DidDocument,
    DidDocumentError,
    did_web_document,
    find_key,
    parse_did_document,
)
from pds.config import Config
from pds.errors import IncompatibleDidDocError, InvalidRequestError, UnresolvableDidError
from pds.network.did_resolver import DidNotFoundError
from pds.network.plc_directory import (
    NotRegisteredError,
    Operation,
    OperationConflictError,
    OperationRefusedError,
    PlcDirectory,
)
from pds.services.clock import Clock
from pds.services.did_documents import DidDocuments, Resolver

MS = 1_000  # microseconds
PDS_SERVICE_TYPE = "AtprotoPersonalDataServer"


class Identity:
    """Everything about DIDs, ours and others'."""

    def __init__(
        self, config: Config, clock: Clock, directory: PlcDirectory, resolver: Resolver
    ) -> None:
        self.rotation_key = PrivateKey.from_bytes(
            bytes.fromhex(config.plc_rotation_key_k256_private_key_hex)
        )
        self.service_did: str = config.service_did
        self.public_url: str = config.public_url
        self._recovery_did_key = config.recovery_did_key
        self._directory = directory
        self._documents = DidDocuments(
            resolver,
            clock,
            stale_us=config.did_cache_stale_ttl * MS,
            max_us=config.did_cache_max_ttl * MS,
        )

    # --- documents of anybody ----------------------------------------------------------------

    def did_document(self, did: str, *, force: bool = False) -> dict[str, Any]:
        """The DID document; up to a day old unless ``force`` is set.

        Raises:
            UnresolvableDidError: there is none, or nobody who knows it answered.
        """
        if did == self.service_did:
            return self.service_document()
        return self._documents.refresh(did) if force else self._documents.get(did)

    def parsed_document(self, did: str, *, force: bool = False) -> DidDocument:
        """The parts of the document that the protocol uses. Raises UnresolvableDidError."""
        try:
            return parse_did_document(self.did_document(did, force=force), did)
        except DidDocumentError as error:
            raise UnresolvableDidError(f"Unusable DID document: {error}") from error

    def signing_key_of(
        self, did: str, *, key_id: str = SIGNING_KEY_ID, force: bool = False
    ) -> str | None:
        """The did:key that signs for ``did``, or None when its document names none.

        key_id: the repo's key, or another one (``#atproto_label`` for labels).

        Raises:
            UnresolvableDidError: the DID does not resolve.
        """
        try:
            key = find_key(self.did_document(did, force=force), did, key_id)
        except DidDocumentError as error:
            raise UnresolvableDidError(f"Unusable DID document: {error}") from error
        return None if key is None else key.did_key

    def past_signing_keys(self, did: str) -> list[str]:
        """The did:keys that signed for a did:plc at any time, newest first; none for others.

        Raises:
            UnresolvableDidError: the directory does not know the DID.
            UpstreamFailureError: it does not answer.
        """
        if not did.startswith("did:plc:"):
            return []
        try:
            log = self._directory.log(did)
        except NotRegisteredError as error:
            raise DidNotFoundError(f"Could not resolve DID: {did}") from error
        operations = [plc.normalize(item) for item in log if item.get("type") != "plc_tombstone"]
        keys = [_member(item, "verificationMethods").get("atproto") for item in operations]
        return list(dict.fromkeys(key for key in reversed(keys) if isinstance(key, str)))

    def refresh_after_change(self, did: str) -> None:
        """Bring what is remembered up to date after a change of ours. Never fails."""
        self._documents.refresh_or_forget(did)

    def expire_cache(self, limit: int = 1_000) -> int:
        """Drop documents past their maximum age; return how many went (up to ``limit``)."""
        return self._documents.expire(limit)

    def close(self) -> None:
        """Stop the work in the background."""
        self._documents.close()

    # --- this server -------------------------------------------------------------------------

    def service_document(self) -> dict[str, Any]:
        """This server's own DID document, served at /.well-known/did.json."""
        return did_web_document(self.service_did, self.public_url)

    # --- our accounts ------------------------------------------------------------------------

    def new_genesis(
        self, handle: str, signing_key: str, recovery_key: str | None = None
    ) -> tuple[str, Operation]:
        """The DID and signed first operation of a new account; nothing is sent.

        ``signing_key`` and ``recovery_key`` are did:keys.
        """
        return plc.build_genesis(
            rotation_keys=self._rotation_keys(recovery_key),
            signing_key=signing_key,
            handle=handle,
            pds_endpoint=self.public_url,
            signer=self.rotation_key,
        )

    def recommended_credentials(
        self, handle: str | None, signing_key: str, recovery_key: str | None = None
    ) -> dict[str, Any]:
        """What an account should put into its DID document to live here."""
        credentials: dict[str, Any] = {
            "rotationKeys": self._rotation_keys(recovery_key),
            "verificationMethods": {"atproto": signing_key},
            "services": {"atproto_pds": {"type": PDS_SERVICE_TYPE, "endpoint": self.public_url}},
        }
        if handle is not None:
            credentials["alsoKnownAs"] = [f"at://{handle}"]
        return credentials

    def submit_genesis(self, did: str, operation: Operation) -> None:
        """Register a DID; submitting the same operation again does nothing.

        Raises:
            OperationRefusedError: the directory does not want it.
            UpstreamFailureError: it is unknown whether the directory took it.
        """
        self._submit(did, operation)
        self._documents.forget(did)

    def is_registered(self, did: str) -> bool:
        """Whether the directory knows the DID. Raises UpstreamFailureError."""
        return self._directory.has(did)

    def last_operation(self, did: str) -> Operation:
        """The newest operation of a did:plc.

        Raises:
            InvalidRequestError: the directory does not know the DID, or it has ended.
            UpstreamFailureError
        """
        try:
            operation = self._directory.last(did)
        except NotRegisteredError as error:
            raise InvalidRequestError(str(error)) from error
        if operation.get("type") == "plc_tombstone":
            message = "Did is tombstoned"
            raise InvalidRequestError(message)
        return operation

    def submit_operation(self, did: str, operation: Operation) -> None:
        """Send a signed operation and refresh what is remembered. Raises as submit_genesis."""
        self._submit(did, operation)
        self._documents.refresh_or_forget(did)

    def holds_operation(self, did: str, operation: Operation) -> bool:
        """Whether the directory has the operation and it is valid. Raises UpstreamFailureError."""
        try:
            return operation in self._directory.log(did)
        except NotRegisteredError:
            return False

    def handle_operation(self, did: str, handle: str) -> Operation | None:
        """The operation, signed and not sent, that makes ``handle`` the DID's, other aliases kept.

        None when the document names the handle already; what is remembered is then up to date.
        A did:web is its owner's to edit: for it there is never an operation.

        Raises:
            IncompatibleDidDocError: a did:web document names another handle.
            InvalidRequestError: the DID has ended, or this server may not change it.
            UnresolvableDidError, UpstreamFailureError
        """
        if not did.startswith("did:plc:"):
            if self.parsed_document(did, force=True).handle != handle:
                message = "DID is not properly configured for handle"
                raise IncompatibleDidDocError(message)
            return None
        last = self.last_operation(did)
        known = plc.normalize(last)["alsoKnownAs"]
        aliases = _with_handle(known, handle)
        if aliases == known:
            self.refresh_after_change(did)
            return None
        return self.sign_update(last, also_known_as=aliases)

    def sign_update(self, last: Operation, **changes: Any) -> Operation:
        """The operation that follows ``last``, signed with this server's key and not sent.

        changes: as ``plc.build_update`` takes them.

        Raises:
            InvalidRequestError: no directory would accept it.
        """
        try:
            if self.rotation_key.did_key not in plc.normalize(last)["rotationKeys"]:
                message = "This server's key is not among the rotation keys of the DID"
                raise InvalidRequestError(message)
            operation = plc.build_update(last, signer=self.rotation_key, **changes)
            plc.check_limits(operation)
        except plc.PlcError as error:
            raise InvalidRequestError(f"Invalid operation: {error}") from error
        return operation

    def check_account_document(self, did: str, signing_key: str) -> None:
        """Check, at the source, that the DID points to this server.

        ``signing_key`` is the did:key that the account signs with here. The handle is not judged.

        Raises:
            IncompatibleDidDocError: the message says what does not fit.
            UnresolvableDidError: there is no document.
            UpstreamFailureError: the directory does not answer.
        """
        if did.startswith("did:plc:"):
            endpoint, key = self._plc_facts(did)
        else:
            document = self.parsed_document(did, force=True)
            endpoint, key = document.pds_endpoint, document.signing_key
        if endpoint is None or endpoint.rstrip("/") != self.public_url.rstrip("/"):
            message = "DID document atproto_pds service endpoint does not match PDS public url"
            raise IncompatibleDidDocError(message)
        if key != signing_key:
            message = "DID document verification method does not match expected signing key"
            raise IncompatibleDidDocError(message)

    def _submit(self, did: str, operation: Operation) -> None:
        try:
            self._directory.submit(did, operation)
        except OperationConflictError as error:  # to our callers a lost race is one way to be wrong
            raise OperationRefusedError(str(error)) from error

    @property
    def server_rotation_key(self) -> str:
        """The did:key with which this server signs operations."""
        return self.rotation_key.did_key

    def _rotation_keys(self, recovery_key: str | None) -> list[str]:
        """The user's own key ranks highest, then the operator's, then this server's."""
        keys = (recovery_key, self._recovery_did_key, self.server_rotation_key)
        return list(dict.fromkeys(key for key in keys if key))

    def _plc_facts(self, did: str) -> tuple[str | None, str | None]:
        """(PDS endpoint, signing key) that the directory holds, once it is sure we may act."""
        try:
            content = self._directory.data(did)
        except NotRegisteredError as error:
            raise DidNotFoundError(f"Could not resolve DID: {did}") from error
        rotation_keys = content.get("rotationKeys")
        if not isinstance(rotation_keys, list) or self.rotation_key.did_key not in rotation_keys:
            message = "Server rotation key not included in PLC DID data"
            raise IncompatibleDidDocError(message)
        service = _member(_member(content, "services"), "atproto_pds")
        endpoint = service.get("endpoint") if service.get("type") == PDS_SERVICE_TYPE else None
        key = _member(content, "verificationMethods").get("atproto")
        return endpoint if isinstance(endpoint, str) else None, key


def _with_handle(aliases: list[str], handle: str) -> list[str]:
    """``aliases`` with the first handle replaced, or put in front when there was none."""
    alias = f"at://{handle}"
    first = next((at for at, known in enumerate(aliases) if known.startswith("at://")), None)
    if first is None:
        return [alias, *aliases]
    rest = [known for known in aliases[first + 1 :] if known != alias]
    return [*aliases[:first], alias, *rest]


def _member(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}
