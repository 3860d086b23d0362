"""What changed between two trees, without reading what they share.

Both trees are walked in key order side by side; where both stand at the same subtree it is
skipped. A node read on both sides all the same (where a new key stands just before an unchanged
subtree) cancels out in the end, which is why the sets of nodes are known only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pds.atproto.cid import Cid
from pds.atproto.mst.layer import key_layer
from pds.atproto.mst.node import BlockSource, MstError, Node
from pds.atproto.mst.store import NodeStore


class DiffOp(NamedTuple):
    """One path that differs: ``old`` is None where it was added, ``new`` where it is gone."""

    path: str
    old: Cid | None
    new: Cid | None


class _Item(NamedTuple):
    """An entry, or a subtree still closed: that one has no key."""

    key: bytes
    cid: Cid
    layer: int


_END = _Item(b"\xff", Cid(), 0)  # sorts after every entry


class Diff:
    """The differences; ``ops`` is read once, in the order of the keys, as the trees are walked."""

    def __init__(
        self, source: BlockSource | NodeStore, old_root: Cid | None, new_root: Cid
    ) -> None:
        self._store = source if isinstance(source, NodeStore) else NodeStore(source)
        self._old_nodes: set[Cid] = set()
        self._new_nodes: set[Cid] = set()
        self._is_complete = False
        self.ops: Iterator[DiffOp] = self._walk(old_root, new_root)

    @property
    def added_nodes(self) -> set[Cid]:
        """Nodes of the new tree only. Known once ``ops`` is read to its end, else RuntimeError."""
        self._check_complete()
        return self._new_nodes - self._old_nodes

    @property
    def removed_nodes(self) -> set[Cid]:
        """Nodes of the old tree only. Known once ``ops`` is read to its end, else RuntimeError."""
        self._check_complete()
        return self._old_nodes - self._new_nodes

    def _check_complete(self) -> None:
        if not self._is_complete:
            raise RuntimeError("the nodes of a diff are known after its operations")

    def _walk(self, old_root: Cid | None, new_root: Cid) -> Iterator[DiffOp]:
        # Reversed, so that what comes next is taken from the end.
        old: list[_Item] = []
        new: list[_Item] = []
        if old_root != new_root:
            new = self._open_root(new_root, self._new_nodes)
            old = self._open_root(old_root, self._old_nodes) if old_root is not None else []
        while old or new:
            left = old[-1] if old else _END
            right = new[-1] if new else _END
            if left.key and right.key:
                yield from _compare(left, right, old, new)
            elif left == right:
                old.pop()
                new.pop()
            # The higher subtree first, so that equal ones come to meet.
            elif right.key or (not left.key and left.layer >= right.layer):
                old[-1:] = self._open(left, self._old_nodes)
            else:
                new[-1:] = self._open(right, self._new_nodes)
        self._is_complete = True

    def _open_root(self, root: Cid, seen: set[Cid]) -> list[_Item]:
        node = self._store.peek(root)
        if not node.keys and not node.is_empty:
            raise MstError("the root has no entries of its own")
        seen.add(root)
        return _contents(node, key_layer(node.keys[0]) if node.keys else 0)

    def _open(self, subtree: _Item, seen: set[Cid]) -> list[_Item]:
        if subtree.layer < 0:
            raise MstError("the tree is deeper than its keys allow")
        seen.add(subtree.cid)
        return _contents(self._store.peek(subtree.cid), subtree.layer)


def diff_trees(source: BlockSource | NodeStore, old_root: Cid | None, new_root: Cid) -> Diff:
    """Compare two trees whose blocks ``source`` has; None stands for no tree.

    Raises (while ``ops`` is read):
        MissingBlockError, MstError: a tree is not whole, or not a tree.
    """
    return Diff(source, old_root, new_root)


def _contents(node: Node, layer: int) -> list[_Item]:
    contents: list[_Item] = []
    for index in range(len(node.keys), -1, -1):
        subtree = node.subtrees[index]
        if isinstance(subtree, Cid):
            contents.append(_Item(b"", subtree, layer - 1))
        if index:
            contents.append(_Item(node.keys[index - 1], node.values[index - 1], layer))
    return contents


def _compare(left: _Item, right: _Item, old: list[_Item], new: list[_Item]) -> Iterator[DiffOp]:
    """Take the lower entry, or both where they are of one key, and yield what differs."""
    if left.key <= right.key:
        old.pop()
    if right.key <= left.key:
        new.pop()
    if left.key < right.key:
        yield DiffOp(left.key.decode("ascii"), left.cid, None)
    elif right.key < left.key:
        yield DiffOp(right.key.decode("ascii"), None, right.cid)
    elif left.cid != right.cid:
        yield DiffOp(left.key.decode("ascii"), left.cid, right.cid)
