"""Decoded nodes in front of a block source."""

from __future__ import annotations

from pds.atproto.cid import Cid
from pds.atproto.mst.node import BlockSource, Node, load_node


class NodeStore:
    """Decoded nodes by CID, in front of a block source: each block is read and decoded once.

    Nodes in it are frozen, so that several trees may share one store.
    """

    __slots__ = ("_nodes", "_source")

    def __init__(self, source: BlockSource) -> None:
        self._source = source
        self._nodes: dict[Cid, Node] = {}

    def load(self, cid: Cid) -> Node:
        """Return the node ``cid``.

        Raises:
            MissingBlockError: the source has no such block.
            MstError: the block is not a node.
        """
        node = self._nodes.get(cid)
        if node is None:
            node = self._nodes[cid] = load_node(cid, self._source(cid))
        return node

    def peek(self, cid: Cid) -> Node:
        """Like ``load``, but a node not seen before is not kept: for walks over whole trees."""
        return self._nodes.get(cid) or load_node(cid, self._source(cid))

    def keep(self, cid: Cid, node: Node) -> None:
        self._nodes[cid] = node
