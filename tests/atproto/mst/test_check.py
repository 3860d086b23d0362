"""Trees of others: what is whole and in order passes, anything else does not."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.check import TreeLimits, check_partial_tree, verified_source, verify_tree
from pds.atproto.mst.layer import key_layer
from pds.atproto.mst.node import MissingBlockError, MstError, Node, encode_node
from pds.atproto.mst.proof import covering_proof
from tests.atproto.mst.trees import POOL, V, built, contents, key, same_value, source_of


@settings(deadline=None, max_examples=100)
@given(contents)
def test_whole_trees_pass(items):
    root, blocks = built(items)

    tree = verify_tree(source_of(blocks), root)

    assert list(tree) == sorted(items.items())
    check_partial_tree(verified_source(blocks), root)


def test_nodes_are_asked_for_once_and_in_order():
    root, blocks = built(same_value(POOL))
    asked: list[Cid] = []

    def source(cid: Cid) -> bytes:
        asked.append(cid)
        return blocks[cid]

    tree = verify_tree(source, root)
    assert asked == []
    next(tree)
    assert asked[0] == root
    assert len(asked) < len(blocks)
    list(tree)
    assert sorted(asked) == sorted(blocks)


# Keys of layer 0, then of layers 1 and 2, as in the known roots.
A, B, C = (key(suffix).encode() for suffix in ("3fo", "3fp", "3fr"))
ONE, TWO = key("3fs").encode(), key("3fx").encode()
AFTER = key("4fc").encode()


def forest(*nodes: Node) -> tuple[Cid, dict[Cid, bytes]]:
    """The CID of the last node, and the blocks of all."""
    blocks: dict[Cid, bytes] = {}
    for node in nodes:
        block = encode_node(node)
        blocks[cid_for_cbor(block)] = block
    return cid_for_cbor(encode_node(nodes[-1])), blocks


def leaf(*keys: bytes) -> Node:
    return Node(list(keys), [V] * len(keys), [None] * (len(keys) + 1))


def name(node: Node) -> Cid:
    return cid_for_cbor(encode_node(node))


EMPTY = Node([], [], [None])
LAYER_ZERO = leaf(A)
POINTER = Node([], [], [name(LAYER_ZERO)])
TALL_POINTER = Node([], [], [name(POINTER)])

MALFORMED = {
    "root is a bare pointer": (LAYER_ZERO, POINTER),
    "key on a layer of its own": (leaf(A, ONE),),
    "key of the child too high": (leaf(TWO), Node([ONE], [V], [None, name(leaf(TWO))])),
    "layer skipped": (LAYER_ZERO, Node([TWO], [V], [name(LAYER_ZERO), None])),
    "empty leaf": (EMPTY, Node([ONE], [V], [name(EMPTY), None])),
    "below the lowest layer": (LAYER_ZERO, Node([C], [V], [name(LAYER_ZERO), None])),
    "pointer on the lowest layer": (LAYER_ZERO, POINTER, Node([ONE], [V], [name(POINTER), None])),
    "key after its parent": (leaf(AFTER), Node([ONE], [V], [name(leaf(AFTER)), None])),
    "key before its parent": (LAYER_ZERO, Node([ONE], [V], [None, name(LAYER_ZERO)])),
    "key beyond its grandparent": (
        leaf(AFTER),
        Node([], [], [name(leaf(AFTER))]),
        Node([TWO], [V], [name(Node([], [], [name(leaf(AFTER))])), None]),
    ),
}


@pytest.mark.parametrize("nodes", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_trees_are_refused_whole_or_in_part(nodes):
    root, blocks = forest(*nodes)

    with pytest.raises(MstError):
        list(verify_tree(source_of(blocks), root))
    with pytest.raises(MstError):
        check_partial_tree(source_of(blocks), root)


def test_the_node_of_the_malformed_cases_is_fine_in_its_place():
    root, blocks = forest(LAYER_ZERO, POINTER, Node([TWO], [V], [name(POINTER), None]))

    assert [path for path, _ in verify_tree(source_of(blocks), root)] == [
        A.decode(),
        TWO.decode(),
    ]


@pytest.mark.parametrize("path", ["A0/374913", "com.example.a", "com.example.a/b/c", "a b/c"])
def test_keys_that_are_not_paths_are_refused(path):
    root, blocks = built({path: V})

    with pytest.raises(MstError, match="path"):
        list(verify_tree(source_of(blocks), root))
    check_partial_tree(source_of(blocks), root)


def test_missing_blocks_are_named_and_forged_ones_refused():
    root, blocks = built(same_value(POOL))
    for cid in blocks:
        others = {other: block for other, block in blocks.items() if other != cid}
        with pytest.raises(MissingBlockError) as caught:
            list(verify_tree(source_of(others), root))
        assert caught.value.cid == cid
        forged = {**others, cid: encode_node(EMPTY)}
        with pytest.raises(MstError, match="names"):
            list(verify_tree(source_of(forged), root))
        with pytest.raises(MstError, match="names"):
            check_partial_tree(verified_source(forged), root)


def test_a_node_that_is_no_node_is_refused():
    block = b"\xa0"
    with pytest.raises(MstError):
        list(verify_tree(source_of({cid_for_cbor(block): block}), cid_for_cbor(block)))


def test_a_node_in_two_places_is_refused():
    below = Node([], [], [name(LAYER_ZERO)])
    root, blocks = forest(LAYER_ZERO, below, Node([TWO], [V], [name(below), name(below)]))

    with pytest.raises(MstError, match="not between those around"):
        list(verify_tree(source_of(blocks), root))


def test_every_limit_is_kept():
    root, blocks = built(same_value(POOL))
    largest = max(map(len, blocks.values()))
    exact = TreeLimits(
        max_nodes=len(blocks),
        max_records=len(POOL),
        max_node_entries=20,
        max_node_bytes=largest,
    )

    assert len(list(verify_tree(source_of(blocks), root, limits=exact))) == len(POOL)
    for limits in (
        dataclasses.replace(exact, max_nodes=len(blocks) - 1),
        dataclasses.replace(exact, max_records=len(POOL) - 1),
        dataclasses.replace(exact, max_node_entries=0),
        dataclasses.replace(exact, max_node_bytes=largest - 1),
    ):
        with pytest.raises(MstError, match="too"):
            list(verify_tree(source_of(blocks), root, limits=limits))


def test_parts_of_a_tree_pass_without_the_rest():
    root, blocks = built(same_value(POOL))
    proof = covering_proof(source_of(blocks), root, POOL[3:5])

    assert len(proof) < len(blocks)
    check_partial_tree(verified_source(proof), root)
    with pytest.raises(MissingBlockError):
        check_partial_tree(verified_source({}), root)


def test_the_layers_of_the_keys_here_are_as_named():
    assert [key_layer(each) for each in (A, B, C, AFTER, ONE, TWO)] == [0, 0, 0, 0, 1, 2]
