"""References to blobs, as found in records without any schema.

Spec: https://atproto.com/specs/data-model#blob-type
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pds.atproto.cid import Cid, InvalidCidError


@dataclass(frozen=True, slots=True)
class BlobRef:
    """What a record says of a blob; ``size`` is in bytes, -1 where a legacy form leaves it out."""

    cid: Cid
    mime_type: str
    size: int

    def to_value(self) -> dict[str, Any]:
        """The data-model form, ready for a record."""
        return {"$type": "blob", "ref": self.cid, "mimeType": self.mime_type, "size": self.size}


def find_blob_refs(value: Any) -> list[BlobRef]:
    """All typed blobs in a data-model value, in document order, repeated ones kept."""
    return [ref for item in _objects(value) if (ref := _typed_ref(item)) is not None]


def find_legacy_blob_refs(value: Any) -> list[BlobRef]:
    """All objects of exactly ``cid`` and ``mimeType``, the form before blobs had a type.

    Without a schema any such object may be meant as something else; a Lexicon decides.
    """
    return [ref for item in _objects(value) if (ref := _legacy_ref(item)) is not None]


def _typed_ref(item: dict[str, Any]) -> BlobRef | None:
    if item.get("$type") != "blob":
        return None
    cid, mime_type, size = item.get("ref"), item.get("mimeType"), item.get("size")
    if type(cid) is Cid and type(mime_type) is str and type(size) is int:
        return BlobRef(cid, mime_type, size)
    return None


def _legacy_ref(item: dict[str, Any]) -> BlobRef | None:
    if item.keys() != {"cid", "mimeType"}:
        return None
    cid, mime_type = item["cid"], item["mimeType"]
    if type(cid) is not str or type(mime_type) is not str:
        return None
    try:
        return BlobRef(Cid.parse(cid), mime_type, -1)
    except InvalidCidError:
        return None


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in ``value``, outer before inner; a stack, so that depth cannot exhaust ours."""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            yield item
            stack.extend(reversed(item.values()))
        elif type(item) is list:
            stack.extend(reversed(item))
