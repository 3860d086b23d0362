"""Which nodes prove a key, and which let a receiver undo a commit.

A receiver of a commit holds the new nodes only, yet must be able to take back every operation, in
any order, and arrive at the tree before. Taking back a create is a delete, which merges the two
subtrees beside the key, down to its neighbours; taking back a delete is an insert, which splits
at the gap. So for each key the nodes on the path to it, to its predecessor and to its successor
are sent, all in the new tree. Fewer do not suffice: those the write itself touched fail when the
operations are undone in another order.

Spec: https://atproto.com/specs/sync#commit-proofs
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from pds.atproto.cid import Cid
from pds.atproto.mst.layer import MAX_LAYER
from pds.atproto.mst.node import BlockSource, MstError, Node
from pds.atproto.mst.store import NodeStore
from pds.atproto.mst.tree import encode_path

_Branch = Cid | Node | None


def covering_proof(
    source: BlockSource | NodeStore, root: Cid, keys: Iterable[str]
) -> dict[Cid, bytes]:
    """Return the nodes on the paths to each of ``keys`` and its neighbours, the root first.

    Where a key is absent, the path leads to the gap where it would stand, and passes both its
    neighbours on the way. Without keys the proof is the root alone.

    Raises:
        MissingBlockError, MstError: the tree is not whole, or not a tree.
    """
    store = source if isinstance(source, NodeStore) else NodeStore(source)
    proof = {root: store.load(root).block}
    for path in keys:
        node, index = _descend(store, root, encode_path(path), proof)
        if node is not None:
            _follow_edge(store, node.subtrees[index], -1, proof)
            _follow_edge(store, node.subtrees[index + 1], 0, proof)
    return proof


def path_proof(source: BlockSource | NodeStore, root: Cid, key: str) -> dict[Cid, bytes]:
    """Return the nodes on the path to ``key``, or to the gap that shows its absence.

    Raises:
        MissingBlockError, MstError: the tree is not whole, or not a tree.
    """
    store = source if isinstance(source, NodeStore) else NodeStore(source)
    proof: dict[Cid, bytes] = {}
    _descend(store, root, encode_path(key), proof)
    return proof


def _descend(
    store: NodeStore, root: Cid, key: bytes, proof: dict[Cid, bytes]
) -> tuple[Node | None, int]:
    """Collect the path to ``key``; returns its node and entry, or None where it is absent."""
    branch: _Branch = root
    for _ in range(MAX_LAYER + 1):
        if not isinstance(branch, Cid):
            return None, 0
        node = store.load(branch)
        proof[branch] = node.block
        index = bisect_left(node.keys, key)
        if index < len(node.keys) and node.keys[index] == key:
            return node, index
        branch = node.subtrees[index]
    raise MstError("the tree is deeper than any keys allow")


def _follow_edge(store: NodeStore, branch: _Branch, side: int, proof: dict[Cid, bytes]) -> None:
    """Collect the first (``side`` 0) or last (-1) node of each layer of a subtree."""
    for _ in range(MAX_LAYER + 1):
        if not isinstance(branch, Cid):
            return
        node = store.load(branch)
        proof[branch] = node.block
        branch = node.subtrees[side]
    raise MstError("the tree is deeper than any keys allow")
