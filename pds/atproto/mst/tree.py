"""The Merkle search tree: get, put, delete and walk, loading only the nodes that are needed.

A tree maps paths (``collection/rkey``) to record CIDs, and is a pure function of that map: however
it came about, the same content gives the same root. Each key has a layer, drawn from its hash; a
node of layer n holds keys of layer n, and between them subtrees of layer n - 1.

Tricky bits:

- Layers are never skipped: where a key lies far below the nearest key above it, nodes without
  entries stand between. The root alone must have an entry, or be the node of the empty tree.
- Nodes from the source are frozen and copied on the first change (see ``node``). In the lists of
  an unwritten node a ``Node`` is therefore always unwritten too, a ``Cid`` always frozen.
- A key above all others splits the whole tree; deleting it merges the halves again. Splits run
  down one path, merges along two facing edges.
- A node that is changed and changed back within one flush is neither new nor removed.

Spec: https://atproto.com/specs/repository#mst-structure
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import cast

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.layer import key_layer
from pds.atproto.mst.node import (
    MAX_KEY_BYTES,
    BlockSource,
    MissingBlockError,
    MstError,
    Node,
    encode_node,
)
from pds.atproto.mst.store import NodeStore

__all__ = [
    "EMPTY_TREE_CID",
    "BlockSource",
    "MissingBlockError",
    "MstError",
    "Tree",
    "build_tree",
    "encode_path",
]

EMPTY_TREE_CID = cid_for_cbor(encode_node(Node([], [], [None])))

_TOO_DEEP = "the tree is deeper than its keys allow"
_Branch = Cid | Node | None


def encode_path(path: str) -> bytes:
    """Return the key of ``path``. Finer syntax is the caller's business.

    Raises:
        MstError: empty, too long, or not printable ASCII, so that no tree may hold it.
    """
    if not path.isascii() or not path.isprintable() or not 0 < len(path) <= MAX_KEY_BYTES:
        raise MstError("not a path that a tree can hold")
    return path.encode("ascii")


class Tree:
    """A tree that can be changed; nothing is hashed before ``flush``.

    The source is trusted to give the block of the CID asked for; ``check.verify_tree`` is for
    trees of others. A damaged tree raises MstError and never loops; a tree that raised while it
    was changed may be half changed, and is to be thrown away.
    """

    def __init__(self, source: BlockSource | NodeStore, root: Cid | None) -> None:
        self.store = source if isinstance(source, NodeStore) else NodeStore(source)
        self.touched_nodes: frozenset[Cid] = frozenset()
        """After a flush: the nodes of the tree before that are no longer part of it."""
        self._discarded: set[Cid] = set()
        self._root: Cid | Node = Node([], [], [None]) if root is None else root
        self._layer = self._find_root_layer()

    def get(self, path: str) -> Cid | None:
        """Return the record CID at ``path``, or None."""
        key = encode_path(path)
        branch: _Branch = self._root
        for _ in range(self._layer + 1):
            if branch is None:
                return None
            node = self._open(branch)
            index = bisect_left(node.keys, key)
            if index < len(node.keys) and node.keys[index] == key:
                return node.values[index]
            branch = node.subtrees[index]
        return None

    def put(self, path: str, cid: Cid) -> Cid | None:
        """Set ``path`` to ``cid``; returns what it was before, None where it is new."""
        key = encode_path(path)
        layer = key_layer(key)
        if layer > self._layer:
            self._put_above_root(key, cid, layer)
            return None
        node = self._own_root()
        height = self._layer
        while height > layer:
            index = bisect_left(node.keys, key)
            height -= 1
            if node.subtrees[index] is None:
                leaf = Node([key], [cid], [None, None])
                node.subtrees[index] = _wrap(leaf, height - layer)
                return None
            node = self._own_child(node, index)
        index = bisect_left(node.keys, key)
        if index < len(node.keys) and node.keys[index] == key:
            previous = node.values[index]
            node.values[index] = cid
            return previous
        left, right = self._split(node.subtrees[index], key, height)
        node.keys.insert(index, key)
        node.values.insert(index, cid)
        node.subtrees[index : index + 1] = [left, right]
        return None

    def delete(self, path: str) -> Cid | None:
        """Remove ``path``; returns what it was, None where it was absent (and nothing changed)."""
        key = encode_path(path)
        found = self._find(key)
        if found is None:
            return None
        node, index = self._own_root(), found[0]
        parents: list[tuple[Node, int]] = []
        for below in found[1:]:
            parents.append((node, index))
            node, index = self._own_child(node, index), below
        del node.keys[index]
        previous = node.values.pop(index)
        height = self._layer - len(parents)
        left, right = node.subtrees[index : index + 2]
        node.subtrees[index : index + 2] = [self._merge(left, right, height)]
        while parents and node.is_empty:
            node, index = parents.pop()
            node.subtrees[index] = None
        self._trim_root()
        return previous

    def walk(self, start: str | None = None) -> Iterator[tuple[str, Cid]]:
        """Yield paths and record CIDs in order, from the first path not below ``start``.

        Nodes read on the way are not kept. The tree must not change meanwhile.
        """
        stack: list[tuple[Node, int]] = []
        key = b"" if start is None else start.encode("utf-8", "surrogatepass")
        branch: _Branch = self._root if self._layer >= 0 else None
        while True:
            while branch is not None:
                if len(stack) > self._layer:
                    raise MstError(_TOO_DEEP)
                node = branch if type(branch) is Node else self.store.peek(branch)
                index = bisect_left(node.keys, key)
                stack.append((node, index))
                at_start = index < len(node.keys) and node.keys[index] == key
                branch = None if at_start else node.subtrees[index]
            if not stack:
                return
            node, index = stack.pop()
            if index < len(node.keys):
                yield node.keys[index].decode("ascii"), node.values[index]
                stack.append((node, index + 1))
                branch = node.subtrees[index + 1]
                key = b""

    def flush(self) -> tuple[Cid, dict[Cid, bytes]]:
        """Encode what changed; returns the root and the blocks that were not there before.

        ``touched_nodes`` then holds the nodes that have gone. Both are relative to the flush
        before, or to the tree as it was opened. The tree can be used on.
        """
        written: dict[Cid, bytes] = {}
        if isinstance(self._root, Node):
            self._root = self._freeze(self._root, written)
        self.touched_nodes = frozenset(self._discarded.difference(written))
        for cid in self._discarded:
            written.pop(cid, None)
        self._discarded = set()
        return self._root, written

    def _freeze(self, node: Node, written: dict[Cid, bytes]) -> Cid:
        subtrees = node.subtrees
        for index, branch in enumerate(subtrees):
            if type(branch) is Node:
                subtrees[index] = self._freeze(branch, written)
        block = encode_node(node)
        cid = cid_for_cbor(block)
        node.block = block
        node.cid = cid
        written[cid] = block
        self.store.keep(cid, node)
        return cid

    def _find_root_layer(self) -> int:
        """The layer of the root, -1 for the empty tree."""
        node = self._open(self._root)
        if node.keys:
            return key_layer(node.keys[0])
        if node.subtrees[0] is not None:
            raise MstError("the root has no entries of its own")
        return -1

    def _open(self, branch: Cid | Node) -> Node:
        return branch if type(branch) is Node else self.store.load(branch)

    def _find(self, key: bytes) -> list[int] | None:
        """Where ``key`` is: the subtree taken at each node from the root down, then its entry."""
        path: list[int] = []
        branch: _Branch = self._root
        while branch is not None and len(path) <= self._layer:
            node = self._open(branch)
            index = bisect_left(node.keys, key)
            path.append(index)
            if index < len(node.keys) and node.keys[index] == key:
                return path
            branch = node.subtrees[index]
        return None

    def _own_root(self) -> Node:
        self._root = node = self._own(self._root)
        return node

    def _own_child(self, node: Node, index: int) -> Node:
        """Return the subtree of ``node`` at ``index``, which exists, in a form to be changed."""
        child = self._own(cast("Cid | Node", node.subtrees[index]))
        node.subtrees[index] = child
        return child

    def _own(self, branch: Cid | Node) -> Node:
        if type(branch) is Node:
            return branch
        node = self.store.load(branch)
        self._discarded.add(branch)
        return Node(node.keys[:], node.values[:], node.subtrees[:])

    def _put_above_root(self, key: bytes, cid: Cid, layer: int) -> None:
        left: _Branch = None
        right: _Branch = None
        if self._layer < 0:
            self._own_root()
        else:
            left, right = self._split(self._root, key, self._layer + 1)
        gap = layer - 1 - self._layer
        self._root = Node([key], [cid], [_wrap(left, gap), _wrap(right, gap)])
        self._layer = layer

    def _split(self, branch: _Branch, key: bytes, above: int) -> tuple[_Branch, _Branch]:
        """Divide a subtree of the layer below ``above`` at ``key``, which it does not hold.

        A subtree that lies on one side whole comes back as it was, not copied.
        """
        if branch is None:
            return None, None
        if above <= 0:
            raise MstError(_TOO_DEEP)
        node = self._open(branch)
        keys, values, subtrees = node.keys, node.values, node.subtrees
        index = bisect_left(keys, key)
        left, right = self._split(subtrees[index], key, above - 1)
        if index == 0 and left is None:
            return None, branch
        if index == len(keys) and right is None:
            return branch, None
        if type(branch) is not Node:
            self._discarded.add(branch)
        return (
            Node(keys[:index], values[:index], [*subtrees[:index], left]),
            Node(keys[index:], values[index:], [right, *subtrees[index + 1 :]]),
        )

    def _merge(self, left: _Branch, right: _Branch, above: int) -> _Branch:
        """Join two neighbours of the layer below ``above``, undoing what a split did."""
        if left is None or right is None:
            return right if left is None else left
        if above <= 0:
            raise MstError(_TOO_DEEP)
        node = self._own(left)
        other = self._open(right)
        if type(right) is not Node:
            self._discarded.add(right)
        middle = self._merge(node.subtrees[-1], other.subtrees[0], above - 1)
        node.keys += other.keys
        node.values += other.values
        node.subtrees[-1:] = [middle, *other.subtrees[1:]]
        return node

    def _trim_root(self) -> None:
        """Put the highest node that has entries in the place of the root."""
        node = self._open(self._root)
        while not node.keys:
            branch = node.subtrees[0]
            if branch is None:
                self._layer = -1
                return
            if self._layer == 0:
                raise MstError(_TOO_DEEP)
            self._layer -= 1
            if type(self._root) is not Node:
                self._discarded.add(self._root)
            self._root = branch
            node = self._open(branch)


def _wrap(branch: _Branch, count: int) -> _Branch:
    """Put ``count`` nodes without entries above ``branch``; nothing stays nothing."""
    if branch is not None:
        for _ in range(count):
            branch = Node([], [], [branch])
    return branch


def build_tree(items: Iterable[tuple[str, Cid]]) -> tuple[Cid, list[tuple[Cid, bytes]]]:
    """Build a tree from paths in ascending order; returns the root and all nodes, the root last.

    Faster than putting the paths one by one, and independent of it.

    Raises:
        MstError: a path out of order, twice, or not possible.
    """
    blocks: list[tuple[Cid, bytes]] = []
    open_nodes: list[Node] = []  # by layer; each still lacks its last subtree
    previous = b""
    for path, cid in items:
        key = encode_path(path)
        if key <= previous:
            raise MstError("paths are not in ascending order")
        previous = key
        layer = key_layer(key)
        open_nodes += [Node([], [], []) for _ in range(layer + 1 - len(open_nodes))]
        node = open_nodes[layer]
        node.subtrees.append(_close_layers(open_nodes, layer, blocks))
        node.keys.append(key)
        node.values.append(cid)
    root = _close_layers(open_nodes, len(open_nodes), blocks)
    if root is None:
        root = EMPTY_TREE_CID
        blocks.append((root, encode_node(Node([], [], [None]))))
    return root, blocks


def _close_layers(nodes: list[Node], layer: int, blocks: list[tuple[Cid, bytes]]) -> Cid | None:
    """End the open nodes below ``layer``; returns the subtree they make, None if they are empty."""
    subtree: Cid | None = None
    for index in range(layer):
        node = nodes[index]
        if node.keys or subtree is not None:
            node.subtrees.append(subtree)
            block = encode_node(node)
            subtree = cid_for_cbor(block)
            blocks.append((subtree, block))
            nodes[index] = Node([], [], [])
    return subtree
