"""Lexicons that others have published: found by their name, believed by their signature.

    NSID → its domain → the DID that speaks for it → its DID document → its server → the record

What is published by an account of this server is read here, without a detour through the network.

Spec: https://atproto.com/specs/lexicon#lexicon-publication-and-resolution
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pds.atproto import dag_json
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.did_document import DidDocument
from pds.atproto.record_proof import RecordProofError, read_record_proof
from pds.atproto.syntax.nsid import Nsid
from pds.config import Config
from pds.errors import (
    InvalidRequestError,
    PdsError,
    RecordNotFoundError,
    UnresolvableDidError,
)
from pds.network.http_client import FetchError
from pds.network.lexicon_authority import LexiconAuthorities, LexiconAuthorityError
from pds.network.remote_records import RemoteRecords
from pds.services.identity import Identity
from pds.services.records import Records
from pds.storage import accounts

COLLECTION: Final = "com.atproto.lexicon.schema"
_LOCAL_TLD: Final = ".test"


class UnknownLexiconError(PdsError):
    """No Lexicon of that name can be had; the message says how far the search got."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where Lexicons come from. records: of this server's own accounts."""

    authorities: LexiconAuthorities
    remote: RemoteRecords
    identity: Identity
    records: Records


class Lexicons:
    """Resolves NSIDs; remembers nothing."""

    def __init__(self, config: Config, sources: Sources) -> None:
        self._sources = sources
        self._one_authority = config.lexicon_authority_did
        self._is_local = config.is_local

    def resolve(self, nsid: Nsid) -> Any:
        """The record, as JSON: not checked but for being the one that its authority has published.

        Raises:
            UnknownLexiconError
            LookUpsBusyError: too many DIDs are being looked up.
        """
        try:
            did = self._authority_of(nsid)
            document = self._sources.identity.parsed_document(did)
            try:
                return self._record(document, nsid)
            except (FetchError, RecordProofError):
                # It may have moved, or have another key since.
                newer = self._sources.identity.parsed_document(did, force=True)
                if newer == document:
                    raise
                return self._record(newer, nsid)
        except (LexiconAuthorityError, UnresolvableDidError, FetchError) as error:
            raise UnknownLexiconError(str(error)) from error
        except RecordProofError as error:
            message = f"the proof of the record is not good: {error}"
            raise UnknownLexiconError(message) from error

    def _authority_of(self, nsid: Nsid) -> str:
        if self._one_authority is not None:
            return self._one_authority
        domain = nsid.authority
        if self._is_local and domain.endswith(_LOCAL_TLD):
            return _owner_here(domain)
        return self._sources.authorities.did_of(domain)

    def _record(self, document: DidDocument, nsid: Nsid) -> Any:
        if document.pds_endpoint is None or document.signing_key is None:
            message = f"the DID document of {document.did} names no server, or no key"
            raise UnknownLexiconError(message)
        if document.pds_endpoint == self._sources.identity.public_url:
            return self._own_record(document.did, nsid)
        key = PublicKey.from_did_key(document.signing_key)
        proof = self._sources.remote.proof(document.pds_endpoint, document.did, COLLECTION, nsid)
        value = read_record_proof(proof, did=document.did, key=key, path=f"{COLLECTION}/{nsid}")
        return dag_json.to_json(value)

    def _own_record(self, did: str, nsid: Nsid) -> Any:
        try:
            return dag_json.to_json(self._sources.records.get(did, COLLECTION, nsid).value)
        except (InvalidRequestError, RecordNotFoundError) as error:
            message = f"{did}, which is at home here, has not published it"
            raise UnknownLexiconError(message) from error


def _owner_here(domain: str) -> str:
    """Below ``.test`` there is no DNS: the account whose handle is the domain, or is above it."""
    name = domain
    while "." in name:
        account = accounts.find_by_handle(name)
        if account is not None:
            return account.did
        name = name.partition(".")[2]
    message = f"no account of this server has the handle {domain}, or one above it"
    raise UnknownLexiconError(message)
