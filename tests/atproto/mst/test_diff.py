"""Differences between trees: the same as between the maps they hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.diff import DiffOp, diff_trees
from pds.atproto.mst.node import MissingBlockError, MstError, Node, encode_node
from pds.atproto.mst.store import NodeStore
from pds.atproto.mst.tree import EMPTY_TREE_CID
from tests.atproto.mst.trees import (
    POOL,
    V,
    W,
    built,
    contents,
    key,
    reachable,
    same_value,
    source_of,
)


@settings(deadline=None, max_examples=150)
@given(contents, contents, contents)
def test_diff_is_that_of_the_maps_and_the_node_sets(shared, one, other):
    old, new = {**shared, **one}, {**shared, **other}
    (old_root, old_blocks), (new_root, new_blocks) = built(old), built(new)
    blocks = {**old_blocks, **new_blocks}

    diff = diff_trees(source_of(blocks), old_root, new_root)

    assert list(diff.ops) == [
        DiffOp(path, old.get(path), new.get(path))
        for path in sorted(old | new)
        if old.get(path) != new.get(path)
    ]
    old_nodes, new_nodes = reachable(blocks, old_root), reachable(blocks, new_root)
    assert diff.added_nodes == new_nodes - old_nodes
    assert diff.removed_nodes == old_nodes - new_nodes


def test_without_an_old_tree_everything_is_new():
    root, blocks = built(same_value(POOL[:9]))

    diff = diff_trees(NodeStore(source_of(blocks)), None, root)

    assert list(diff.ops) == [DiffOp(path, None, V) for path in POOL[:9]]
    assert diff.added_nodes == blocks.keys()
    assert diff.removed_nodes == set()


def test_the_empty_tree_has_a_node_too():
    root, blocks = built(same_value(POOL[:9]))
    blocks |= built({})[1]

    diff = diff_trees(source_of(blocks), root, EMPTY_TREE_CID)

    assert [op.new for op in diff.ops] == [None] * 9
    assert diff.added_nodes == {EMPTY_TREE_CID}


def test_equal_trees_are_not_read_at_all():
    diff = diff_trees(source_of({}), V, V)

    assert list(diff.ops) == []
    assert diff.added_nodes == diff.removed_nodes == set()


def test_a_small_change_in_a_large_tree_reads_little():
    items = same_value(f"com.example.a/{number:05}" for number in range(2000))
    old_root, blocks = built(items)
    new_root, new_blocks = built({**items, "com.example.a/00700": W})
    asked: list[Cid] = []

    def source(cid: Cid) -> bytes:
        asked.append(cid)
        return (blocks | new_blocks)[cid]

    assert list(diff_trees(source, old_root, new_root).ops) == [("com.example.a/00700", V, W)]
    assert len(asked) < 30


def test_nodes_are_not_told_before_they_are_known():
    root, blocks = built(same_value(POOL[:9]))
    diff = diff_trees(source_of(blocks), None, root)
    next(diff.ops)

    for name in ("added_nodes", "removed_nodes"):
        with pytest.raises(RuntimeError):
            getattr(diff, name)


def test_damaged_trees_are_refused():
    pointer = encode_node(Node([], [], [W]))
    low = encode_node(Node([key("3fo").encode()], [V], [W, None]))
    blocks = {W: pointer, cid_for_cbor(low): low}

    with pytest.raises(MstError, match="root"):
        list(diff_trees(source_of(blocks), None, W).ops)
    with pytest.raises(MstError, match="deeper"):
        list(diff_trees(source_of(blocks), None, cid_for_cbor(low)).ops)
    with pytest.raises(MissingBlockError):
        list(diff_trees(source_of(blocks), V, cid_for_cbor(low)).ops)
