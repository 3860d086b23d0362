"""From what a client wants written to what goes into the repo: checked, typed, encoded, hashed.

Pure but for the schemas: nothing is read from or written to the database here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pds.atproto import dag_cbor
from pds.atproto.blob_ref import BlobRef, find_blob_refs, find_legacy_blob_refs
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.dag_json import MAX_DATA_DEPTH
from pds.atproto.lexicon.validate import InvalidValueError, UnknownLexiconError, Validator
from pds.atproto.syntax.nsid import InvalidNsidError, Nsid
from pds.atproto.syntax.record_key import InvalidRecordKeyError, RecordKey
from pds.errors import InvalidRequestError
from pds.services.links import link_target
from pds.storage.records import RecordRow

MAX_RECORD_BYTES = 1_000_000
# Records of these namespaces are checked even when nobody asks: we ship their current schemas.
_OFFICIAL = ("app.bsky.", "chat.bsky.", "com.atproto.", "com.germnetwork.")

Action = Literal["create", "update", "put", "delete"]
ValidationStatus = Literal["valid", "unknown"]


@dataclass(frozen=True, slots=True)
class Swap:
    """The version a record must have now; ``cid`` None means that it must not exist."""

    cid: Cid | None


@dataclass(frozen=True, slots=True)
class Write:
    """One wanted change. ``put`` creates or updates, whichever fits.

    value: the record in data-model form; None for a delete.
    validate: True demands a known schema, False skips it, None checks when there is one.
    replaces_linked: a create that is to take the place of an older like, repost, follow or block
        of the same thing.
    skips_no_op: a delete that is content when there is nothing to delete.
    """

    action: Action
    collection: str
    rkey: str
    value: dict[str, Any] | None = None
    swap: Swap | None = None
    validate: bool | None = None
    replaces_linked: bool = False
    skips_no_op: bool = False

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.rkey}"


@dataclass(frozen=True, slots=True)
class PreparedRecord:
    row: RecordRow
    blobs: list[BlobRef]
    validation_status: ValidationStatus | None


def check_path(collection: str, rkey: str) -> None:
    """Raise InvalidRequestError unless the two make a repo path."""
    try:
        Nsid.parse(collection)
        RecordKey.parse(rkey)
    except (InvalidNsidError, InvalidRecordKeyError) as error:
        raise InvalidRequestError(str(error)) from error


def prepare_record(write: Write, validator: Validator) -> PreparedRecord:
    """Check and encode the record of a create, update or put.

    Raises:
        InvalidRequestError: wrong key, ``$type``, schema, blob reference, or too large.
    """
    check_path(write.collection, write.rkey)
    value = _typed(write)
    legacy = find_legacy_blob_refs(value)
    if legacy:
        message = f"Legacy blobs are not allowed ({legacy[0].cid})"
        raise InvalidRequestError(message)
    status = _validate(write, value, validator)
    try:
        content = dag_cbor.encode(value, max_depth=MAX_DATA_DEPTH)
    except dag_cbor.DagCborError as error:
        message = f"Invalid record at {write.path}: {error}"
        raise InvalidRequestError(message) from error
    if len(content) > MAX_RECORD_BYTES:
        message = f"Record too large: {len(content)} bytes, the limit is {MAX_RECORD_BYTES}"
        raise InvalidRequestError(message)
    row = RecordRow(
        write.collection,
        write.rkey,
        cid_for_cbor(content),
        content,
        link_target(write.collection, value),
    )
    return PreparedRecord(row, find_blob_refs(value), status)


def _typed(write: Write) -> dict[str, Any]:
    value = write.value
    if value is None:
        message = f"A {write.action} needs a record"
        raise InvalidRequestError(message)
    found = value.get("$type")
    if found is None:
        return {"$type": write.collection, **value}
    if found != write.collection:
        message = f"Invalid $type: expected {write.collection}, got {found}"
        raise InvalidRequestError(message)
    return value


def _validate(write: Write, value: dict[str, Any], validator: Validator) -> ValidationStatus | None:
    if write.validate is False:
        return None
    collection = write.collection
    if write.validate is None and not collection.startswith(_OFFICIAL):
        return "unknown"
    try:
        validator.check_record(collection, value)
        validator.check_record_key(collection, write.rkey)
    except UnknownLexiconError as error:
        if write.validate:
            message = f"Unknown lexicon type: {collection}"
            raise InvalidRequestError(message) from error
        return "unknown"
    except InvalidValueError as error:
        message = f"Invalid {collection} record: {error}"
        raise InvalidRequestError(message) from error
    return "valid"
