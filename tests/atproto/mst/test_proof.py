"""Proofs: the exact node sets of the public fixtures, and the definition by neighbours."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.cid import Cid
from pds.atproto.mst.node import MstError, Node, decode_node, encode_node
from pds.atproto.mst.proof import covering_proof, path_proof
from pds.atproto.mst.store import NodeStore
from pds.atproto.mst.tree import EMPTY_TREE_CID, Tree
from tests.atproto.mst.trees import POOL, V, W, built, contents, key, same_value, source_of
from tests.vectors import INTEROP, load_json


def test_proofs_are_those_of_the_fixtures():
    cases = load_json(INTEROP / "firehose" / "commit-proof-fixtures.json")

    assert len(cases) == 6
    for case in cases:
        value = Cid.parse(case["leafValue"])
        paths = {*case["keys"], *case["adds"]}.difference(case["dels"])
        root, blocks = built(dict.fromkeys(paths, value))
        proof = covering_proof(source_of(blocks), root, case["adds"] + case["dels"])

        assert str(root) == case["rootAfterCommit"], case["comment"]
        assert sorted(map(str, proof)) == sorted(case["blocksInProof"]), case["comment"]
        assert all(blocks[cid] == block for cid, block in proof.items())


def path_nodes(blocks: dict[Cid, bytes], root: Cid, path: str) -> list[Cid]:
    """The nodes from the root to ``path`` or its gap, by plain descent."""
    found = []
    branch: object = root
    while isinstance(branch, Cid):
        found.append(branch)
        node = decode_node(blocks[branch])
        if path.encode() in node.keys:
            break
        branch = node.subtrees[bisect_left(node.keys, path.encode())]
    return found


@settings(deadline=None, max_examples=150)
@given(contents, st.lists(st.sampled_from(POOL), min_size=1, max_size=4))
def test_covering_proof_has_the_paths_to_each_key_and_its_neighbours(items, paths):
    root, blocks = built(items)
    expected: set[Cid] = set()
    for path in paths:
        around = [
            path,
            *[other for other in sorted(items) if other < path][-1:],
            *[other for other in sorted(items) if other > path][:1],
        ]
        expected.update(*[path_nodes(blocks, root, each) for each in around])

    proof = covering_proof(NodeStore(source_of(blocks)), root, paths)

    assert proof.keys() == expected
    assert next(iter(proof)) == root


@settings(deadline=None, max_examples=100)
@given(contents, st.sampled_from(POOL))
def test_path_proof_suffices_to_look_a_key_up(items, path):
    root, blocks = built(items)

    proof = path_proof(source_of(blocks), root, path)

    assert list(proof) == path_nodes(blocks, root, path)
    assert Tree(source_of(proof), root).get(path) == items.get(path)


def test_proof_of_no_keys_is_the_root():
    root, blocks = built(same_value(POOL))

    assert covering_proof(source_of(blocks), root, []) == {root: blocks[root]}
    assert path_proof(source_of(built({})[1]), EMPTY_TREE_CID, "a").keys() == {EMPTY_TREE_CID}


def test_looping_trees_end_in_an_error():
    top = encode_node(Node([key("3fx").encode()], [V], [W, W]))
    source = source_of({V: top, W: encode_node(Node([], [], [W]))})

    with pytest.raises(MstError, match="deeper"):
        path_proof(source, V, "a")
    with pytest.raises(MstError, match="deeper"):
        covering_proof(source, V, [key("3fx")])
