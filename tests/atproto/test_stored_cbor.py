"""cbor2 as the reader of our own blocks: same values as the strict codec, links included."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto import dag_cbor
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.stored_cbor import decode_stored

LINK = cid_for_cbor(b"\xa0")
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text()
    | st.binary()
    | st.binary(min_size=32, max_size=32).map(cid_for_cbor)
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner)
)


@settings(deadline=None, max_examples=200)
@given(values)
def test_reads_what_the_codec_writes(value: Any) -> None:
    data = dag_cbor.encode(value)
    assert decode_stored(data) == dag_cbor.decode(data) == value


def test_links_stay_links() -> None:
    read = decode_stored(dag_cbor.encode({"a": [LINK], "b": bytes(LINK)}))
    assert type(read["a"][0]) is Cid
    assert type(read["b"]) is bytes


def test_other_tags_are_a_damaged_block() -> None:
    with pytest.raises(cbor2.CBORDecodeError, match="tag 43"):
        decode_stored(b"\xd8\x2b\x40")
