"""The codec of nodes: as the generic one would write it, and strict in reading."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto import dag_cbor
from pds.atproto.cid import Cid, cid_for_cbor, cid_for_raw
from pds.atproto.mst.layer import common_prefix_length
from pds.atproto.mst.node import (
    MAX_KEY_BYTES,
    MstError,
    Node,
    decode_node,
    encode_node,
    node_runs,
)
from tests.atproto.mst.trees import V, W

SHA_512 = Cid(b"\x01\x71\x13\x40" + bytes(range(64)))
SHORT_HASH = Cid(b"\x01\x71\x12\x14" + bytes(range(20)))
EMPTY = bytes.fromhex("a2616580616cf6")

keys = st.lists(
    st.text("ab/~ -", min_size=1, max_size=6).map(str.encode), unique=True, max_size=40
).map(sorted)
subtrees = st.one_of(st.none(), st.binary(max_size=3).map(cid_for_cbor))
values = st.one_of(
    st.binary(max_size=3).map(cid_for_cbor),
    st.binary(max_size=3).map(cid_for_raw),
    st.sampled_from([SHA_512, SHORT_HASH]),
)


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    node_keys = draw(keys)
    count = len(node_keys)
    return Node(
        node_keys,
        draw(st.lists(values, min_size=count, max_size=count)),
        list(draw(st.lists(subtrees, min_size=count + 1, max_size=count + 1))),
    )


def entry(key: Any, shared: Any = 0, value: Any = V, subtree: Any = None) -> dict[str, Any]:
    return {"k": key, "p": shared, "v": value, "t": subtree}


def written(*entries: Any, left: Any = None) -> bytes:
    return dag_cbor.encode({"e": list(entries), "l": left})


def generic_form(node: Node) -> bytes:
    """What the generic codec writes for the same node, its keys cut by plain comparison."""
    entries = []
    previous = b""
    for key, value, subtree in zip(node.keys, node.values, node.subtrees[1:], strict=True):
        shared = common_prefix_length(previous, key)
        entries.append(entry(key[shared:], shared, value, subtree))
        previous = key
    return written(*entries, left=node.subtrees[0])


def parts(node: Node) -> tuple[Any, ...]:
    return node.keys, node.values, node.subtrees


@settings(deadline=None, max_examples=150)
@given(nodes())
def test_encoding_is_canonical_and_decodes_to_the_same(node):
    block = encode_node(node)
    decoded = decode_node(block)

    assert block == generic_form(node)
    assert parts(decoded) == parts(node)
    assert all(type(value) is Cid for value in decoded.values)
    assert (decoded.cid, decoded.block) == (cid_for_cbor(block), block)
    assert encode_node(decoded) == block


@settings(deadline=None, max_examples=50)
@given(nodes())
def test_links_come_in_the_order_of_the_keys(node):
    flat: list[bytes] = []
    for run in node_runs(encode_node(node)):
        flat += run if isinstance(run, list) else [run]

    wanted = [node.subtrees[0]]
    for value, subtree in zip(node.values, node.subtrees[1:], strict=True):
        wanted += [value, subtree]
    assert flat == [link for link in wanted if link is not None]


@pytest.mark.parametrize("count", [23, 24, 255, 256, 300])
def test_large_nodes_keep_their_form(count):
    node = Node(
        [f"{number:04}".encode() for number in range(count)], [V] * count, [W] * (count + 1)
    )

    block = encode_node(node)

    assert block == generic_form(node)
    assert parts(decode_node(block)) == parts(node)
    assert node_runs(block) == [W, *[[V], W] * count]


@pytest.mark.parametrize("size", [1, 23, 24, 255, 256, 829, MAX_KEY_BYTES - 1])
def test_long_keys_keep_their_form(size):
    node = Node([b"k" * size, b"k" * size + b"x"], [V, V], [None, None, None])

    block = encode_node(node)

    assert block == generic_form(node)
    assert parts(decode_node(block)) == parts(node)


def test_empty_node_has_the_known_bytes():
    node = decode_node(EMPTY)

    assert encode_node(Node([], [], [None])) == EMPTY
    assert node.is_empty
    assert str(node.cid) == "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm"


def test_node_without_entries_may_point_down():
    block = written(left=V)

    assert parts(decode_node(block)) == ([], [], [V])
    assert not decode_node(block).is_empty
    assert node_runs(block) == [V]


LONG = b"k" * (MAX_KEY_BYTES + 1)


@pytest.mark.parametrize("value", [V, SHA_512], ids=["usual links", "odd links"])
@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([(b"b", 0), (b"a", 0)], id="descending"),
        pytest.param([(b"b", 0), (b"b", 0)], id="twice"),
        pytest.param([(b"ab", 0), (b"ac", 0)], id="not compressed"),
        pytest.param([(b"abc", 0), (b"bd", 1)], id="not compressed enough"),
        pytest.param([(b"ab", 0), (b"c", 3)], id="more shared than there is"),
        pytest.param([(b"ab", 1)], id="first key shares"),
        pytest.param([(b"ab", 0), (b"a", 1)], id="descending after the shared part"),
        pytest.param([(b"", 0)], id="empty key"),
        pytest.param([(b"ab", 0), (b"", 2)], id="no rest"),
        pytest.param([(b"ab", 0), (b"", 1)], id="prefix after the longer key"),
        pytest.param([(b"a\n", 0)], id="control character"),
        pytest.param([("é".encode(), 0)], id="not ASCII"),
        pytest.param([(LONG, 0)], id="too long"),
        pytest.param([(LONG[:1000], 0), (LONG[:100], 1000)], id="too long with shared part"),
        pytest.param([(b"ab", 0), (b"c", -1)], id="negative"),
        pytest.param([(b"ab", 0), (b"c", False)], id="a boolean for a length"),
        pytest.param([(b"ab", 0), (b"c", None)], id="no length"),
        pytest.param([("ab", 0)], id="text for bytes"),
        pytest.param([(V, 0)], id="a link for bytes"),
    ],
)
def test_malformed_keys_are_refused(entries, value):
    block = written(*[entry(key, shared, value) for key, shared in entries])

    with pytest.raises(MstError):
        decode_node(block)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="not CBOR"),
        pytest.param(EMPTY + b"\x00", id="bytes left over"),
        pytest.param(EMPTY[:-1], id="cut short"),
        pytest.param(bytes.fromhex("a2616cf6616580"), id="fields out of order"),
        pytest.param(bytes.fromhex("a261659800616cf6"), id="count not in shortest form"),
        pytest.param(dag_cbor.encode([]), id="a list"),
        pytest.param(dag_cbor.encode({"e": []}), id="l absent"),
        pytest.param(dag_cbor.encode({"e": [], "l": None, "x": 1}), id="unknown field"),
        pytest.param(dag_cbor.encode({"e": {}, "l": None}), id="entries not a list"),
        pytest.param(written(1), id="entry not a map"),
        pytest.param(written({"k": b"a", "p": 0, "v": V}), id="t absent"),
        pytest.param(written({**entry(b"a"), "x": 1}), id="unknown field in entry"),
        pytest.param(written(entry(b"a", value=None)), id="no value"),
        pytest.param(written(entry(b"a", value=bytes(V))), id="value not a link"),
        pytest.param(written(entry(b"a", subtree=1)), id="subtree not a link"),
        pytest.param(written(entry(b"a", subtree=cid_for_raw(b""))), id="subtree a blob"),
        pytest.param(written(entry(b"a", subtree=SHORT_HASH)), id="subtree with an odd hash"),
        pytest.param(written(left=b""), id="left not a link"),
        pytest.param(written(left=cid_for_raw(b"")), id="left a blob"),
        pytest.param(written(entry(b"a"), left=SHA_512), id="left with an odd hash"),
    ],
)
def test_malformed_nodes_are_refused(block):
    with pytest.raises(MstError):
        decode_node(block)


def test_nodes_with_absurdly_many_entries_are_refused():
    count = 0x10000
    entries = b"".join(
        b"\xa4akA" + bytes((33 + number % 90,)) + b"ap\x00at\xf6av\xd8\x2aX\x25\x00" + V
        for number in range(count)
    )

    with pytest.raises(MstError, match="at most"):
        decode_node(b"\xa2ae\x9a" + count.to_bytes(4, "big") + entries + b"al\xf6")


def test_links_of_something_else_are_refused():
    with pytest.raises(MstError):
        node_runs(dag_cbor.encode({"a": 1}))


@settings(deadline=None, max_examples=300)
@given(nodes(), st.data())
def test_what_decodes_encodes_to_the_same_bytes(node, data):
    block = bytearray(encode_node(node))
    position = data.draw(st.integers(0, len(block) - 1))
    block[position] = data.draw(st.integers(0, 255))

    try:
        decoded = decode_node(bytes(block))
    except MstError:
        return
    assert encode_node(decoded) == bytes(block)
    assert decoded.keys == sorted(set(decoded.keys))


def test_lengths_must_agree_with_the_bytes_present():
    block = encode_node(Node([b"abc"], [V], [None, None]))

    with pytest.raises(MstError):
        decode_node(block.replace(b"\x43abc", b"\x42abc"))


def test_node_with_unwritten_subtrees_cannot_be_encoded():
    below = Node([b"a"], [V], [None, None])

    with pytest.raises(TypeError, match="after its subtrees"):
        encode_node(Node([b"b"], [V], [below, None]))
