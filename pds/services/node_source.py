"""MST nodes of stored repos, as the protocol library wants to read them, the newest kept decoded.

A node is named by its hash and never changes, so one small cache serves all repos and needs no
invalidation. It helps most where it matters most: a new post touches the nodes that the post before
has just made.
"""

from __future__ import annotations

import threading

from pds.atproto.cid import Cid
from pds.atproto.mst.node import BlockSource, MissingBlockError, Node, load_node
from pds.atproto.mst.store import NodeStore
from pds.storage import blocks

KEPT_NODES = 2_048  # about 2 kB each


class NodeSource:
    """Reads nodes by account."""

    def __init__(self, kept_nodes: int = KEPT_NODES) -> None:
        self._kept_nodes = kept_nodes
        self._kept: dict[Cid, Node] = {}
        self._lock = threading.Lock()

    def reader(self, account_id: int) -> NodeStore:
        """The nodes of one repo, for one piece of work; MissingBlockError for unknown ones."""

        def read(cid: Cid) -> bytes:
            content = blocks.find_block(account_id, cid)
            if content is None:
                raise MissingBlockError(cid)
            return content

        return _Store(read, self)

    def find(self, cid: Cid) -> Node | None:
        return self._kept.get(cid)

    def keep(self, cid: Cid, node: Node) -> None:
        """Remember a node, forgetting the one that has been here longest when it gets crowded."""
        with self._lock:
            self._kept[cid] = node
            if len(self._kept) > self._kept_nodes:
                del self._kept[next(iter(self._kept))]


class _Store(NodeStore):
    """A NodeStore that shares what it decodes with those after it."""

    __slots__ = ("_shared",)

    def __init__(self, source: BlockSource, shared: NodeSource) -> None:
        super().__init__(source)
        self._shared = shared

    def load(self, cid: Cid) -> Node:
        node = self._nodes.get(cid)
        if node is None:
            node = self._shared.find(cid)
            if node is None:
                node = load_node(cid, self._source(cid))
                self._shared.keep(cid, node)
            self._nodes[cid] = node
        return node

    def keep(self, cid: Cid, node: Node) -> None:
        super().keep(cid, node)
        self._shared.keep(cid, node)
