"""Read blocks that are stored here, with cbor2: three times as fast, and not strict.

Never for bytes from outside: cbor2 accepts what is not canonical, and tags that make cycles. What
is stored has passed ``dag_cbor``, or came with somebody who moved in and passed ``lenient_cbor``.
"""

from __future__ import annotations

from typing import Any

import cbor2

from pds.atproto.cid import Cid

CID_TAG = 42


def decode_stored(data: bytes) -> Any:
    """The value of a block that ``dag_cbor`` has made or read, or ``lenient_cbor`` has read."""
    return cbor2.loads(data, tag_hook=_link)


def _link(tag: cbor2.CBORTag, immutable: bool = False) -> Cid:  # noqa: FBT001, FBT002 # cbor2's form
    del immutable
    if tag.tag != CID_TAG:
        message = f"a stored block holds tag {tag.tag}"
        raise ValueError(message)
    return Cid(tag.value[1:])  # without the multibase prefix
