"""Check the tree of another server, from a whole archive or from the blocks of one commit.

A hash says that a block is the one named, not that it belongs there. A tree is accepted only if
it is the one tree its content can have: keys in order over the whole tree, each on its own layer,
layers not skipped, no empty nodes, a root with entries. Anything else would be rebuilt differently
by the next write, and break every proof made from it.

Work is bounded: every block is hashed, and each step down is a step to a lower layer. A node that
stands in two places holds keys that are out of place in one of them, so loops end at once and no
list of the nodes visited is kept: memory does not grow with the tree.

Spec: https://atproto.com/specs/repository#mst-structure
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.layer import key_layer
from pds.atproto.mst.node import BlockSource, MissingBlockError, MstError, Node, load_node
from pds.atproto.syntax.repo_path import is_repo_path


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """How much of a foreign tree is looked at; honest trees stay far below."""

    max_nodes: int = 5_000_000
    max_records: int = 20_000_000
    max_node_entries: int = 10_000
    max_node_bytes: int = 2_000_000


class _Place(NamedTuple):
    """A node still to visit: its keys have this layer and lie between, not on, the bounds."""

    cid: Cid
    layer: int
    low: bytes
    high: bytes | None


class VerifiedTree(Iterator[tuple[str, Cid]]):
    """Iterate once over paths and record CIDs in order; what it yields has been checked."""

    def __init__(self, source: BlockSource, root: Cid, limits: TreeLimits) -> None:
        self._node_count = 0
        self._source = source
        self._limits = limits
        self._items = self._walk(root)

    def __next__(self) -> tuple[str, Cid]:
        return next(self._items)

    def _walk(self, root: Cid) -> Iterator[tuple[str, Cid]]:
        node = self._load(root)
        if node.is_empty:
            return
        pending = _place_contents(node, _root_place(root, node))
        record_count = 0
        while pending:
            item = pending.pop()
            if isinstance(item, _Place):
                pending += _place_contents(self._load(item.cid), item)
                continue
            record_count += 1
            if record_count > self._limits.max_records:
                raise MstError("the tree has too many records")
            path = item[0].decode("ascii")
            if not is_repo_path(path):
                raise MstError("a key is not a path of collection and record key")
            yield path, item[1]

    def _load(self, cid: Cid) -> Node:
        self._node_count += 1
        if self._node_count > self._limits.max_nodes:
            raise MstError("the tree has too many nodes")
        block = self._source(cid)
        if len(block) > self._limits.max_node_bytes:
            raise MstError("a node is too large")
        if cid_for_cbor(block) != cid:
            raise MstError("a block is not the one its CID names")
        node = load_node(cid, block)
        if len(node.keys) > self._limits.max_node_entries:
            raise MstError("a node has too many entries")
        return node


def verify_tree(
    source: BlockSource, root: Cid, *, limits: TreeLimits | None = None
) -> VerifiedTree:
    """Check the tree at ``root`` while iterating over its paths and record CIDs.

    Nothing is read before the first step, and the tree is not proven good before the last. Each
    node is asked for once, in the order of the keys; the records themselves are not.

    Raises (while iterating):
        MissingBlockError: the source lacks a node.
        MstError: anything else is wrong, or a limit is passed.
    """
    return VerifiedTree(source, root, limits or TreeLimits())


def check_partial_tree(source: BlockSource, root: Cid) -> None:
    """Check what there is of a tree whose unchanged parts were left out, as in an event.

    Paths may be any keys here: those an event is about are checked with its operations.

    Raises:
        MissingBlockError: the root itself is not there.
        MstError: a node is not one, or not in its place.
    """
    node = load_node(root, source(root))
    if node.is_empty:
        return
    pending = _place_contents(node, _root_place(root, node))
    while pending:
        item = pending.pop()
        if not isinstance(item, _Place):
            continue
        try:
            block = source(item.cid)
        except MissingBlockError:
            continue
        pending += _place_contents(load_node(item.cid, block), item)


def verified_source(blocks: Mapping[Cid, bytes]) -> BlockSource:
    """A source over ``blocks`` that hashes each block it gives."""

    def get_block(cid: Cid) -> bytes:
        block = blocks.get(cid)
        if block is None:
            raise MissingBlockError(cid)
        if cid_for_cbor(block) != cid:
            raise MstError("a block is not the one its CID names")
        return block

    return get_block


def _root_place(root: Cid, node: Node) -> _Place:
    if not node.keys:
        raise MstError("the root has no entries of its own")
    return _Place(root, key_layer(node.keys[0]), b"", None)


def _place_contents(node: Node, place: _Place) -> list[_Place | tuple[bytes, Cid]]:
    """Check that ``node`` may stand at ``place``; returns its contents, the last key first.

    That the keys ascend within the node, the decoder has seen to.
    """
    keys = node.keys
    if node.is_empty:
        raise MstError("a node below the root is empty")
    if any(key_layer(key) != place.layer for key in keys):
        raise MstError("a key is on a layer that is not its own")
    if keys and (keys[0] <= place.low or (place.high is not None and keys[-1] >= place.high)):
        raise MstError("a key is not between those around its node")
    contents: list[_Place | tuple[bytes, Cid]] = []
    high = place.high
    for index in range(len(keys), -1, -1):
        low = keys[index - 1] if index else place.low
        subtree = node.subtrees[index]
        if isinstance(subtree, Cid):
            if place.layer == 0:
                raise MstError("there is a node below the lowest layer")
            contents.append(_Place(subtree, place.layer - 1, low, high))
        if index:
            contents.append((low, node.values[index - 1]))
            high = low
    return contents
