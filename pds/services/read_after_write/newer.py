"""What is here and newer than what an app view has read of a repo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pds.atproto.cid import Cid
from pds.atproto.lexicon.validate import InvalidValueError, Validator
from pds.atproto.stored_cbor import decode_stored
from pds.atproto.syntax.at_uri import make_at_uri
from pds.atproto.syntax.datetime import format_datetime
from pds.atproto.syntax.tid import is_tid
from pds.storage import newer_records, records
from pds.storage.accounts import AccountRow
from pds.storage.newer_records import POST, PROFILE


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """``value`` is in data-model form; ``indexed_at`` is ISO text as app views write it."""

    uri: str
    cid: Cid
    indexed_at: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Newer:
    """The posts are in the order they were written; there may be more than these."""

    profile: LocalRecord | None
    posts: list[LocalRecord]
    oldest_us: int


def find_newer(account: AccountRow, rev: str | None, validator: Validator) -> Newer | None:
    """What an app view that has read up to ``rev`` cannot know; None when it knows all.

    A repo that has just moved in is newer as a whole, since moving gives its records a new rev.
    What the app view lacks of it is then not to be told, and is taken for nothing. Records that do
    not fit their Lexicon are left out: app views do not show them either.
    """
    if rev is None or not is_tid(rev):
        return None
    found = newer_records.find_newer(account.id, rev)
    if not found or not newer_records.has_older(account.id, rev):
        return None
    profile, posts = None, []
    for row in found:
        value = _read(row.collection, row.content, validator)
        if value is None:
            continue
        uri = make_at_uri(account.did, row.collection, row.rkey)
        record = LocalRecord(uri, row.cid, format_datetime(row.indexed_at_us), value)
        if row.collection == POST:
            posts.append(record)
        else:
            profile = record
    return Newer(profile, posts, min(row.indexed_at_us for row in found))


def read_profile(account: AccountRow, validator: Validator) -> dict[str, Any]:
    """The value of the profile record; empty when there is none to be shown."""
    found = records.find_record(account.id, PROFILE, "self")
    if found is None or found[2] is not None:
        return {}
    return _read(PROFILE, found[1], validator) or {}


def _read(collection: str, content: bytes, validator: Validator) -> dict[str, Any] | None:
    value: dict[str, Any] = decode_stored(content)
    try:
        validator.check_record(collection, value)
    except InvalidValueError:
        return None
    return value
