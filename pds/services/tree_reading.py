"""Read the stored tree of an account with its records, from the left, for an export.

Nodes are read ahead a few thousand at a time, level by level, since one query for many costs a
third of many queries for one. Records come in one sweep over the index, which has them in the
order of the tree; that both agree is checked on the way.

Call everything here inside a snapshot.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from pds.atproto.cid import Cid
from pds.atproto.mst.node import node_links
from pds.storage import repo_reading
from pds.storage.accounts import AccountRow

logger = logging.getLogger("pds.repos")

_NODES_AHEAD: Final = 4_096

Block = tuple[bytes, bytes]  # CID and content
_Entry = tuple[Cid | None, Cid | None]  # a record, then the subtree after it
_Node = tuple[bytes, Cid | None, list[tuple[Cid, Cid | None]]]  # block, first subtree, entries


class DamagedRepoError(RuntimeError):
    """What is stored of a repo contradicts itself: a bug here or a damaged disk."""


def damaged(account: AccountRow, what: str) -> DamagedRepoError:
    """Log that the stored repo is wrong; returns the error to raise."""
    logger.error("the stored repo of %s is damaged: %s", account.did, what)
    return DamagedRepoError(what)


def read_tree(account: AccountRow, root: Cid, since: str = "") -> Iterator[Block]:
    """The nodes and records of the tree at ``root``, all or those written after a rev.

    Raises (while iterating):
        DamagedRepoError: a node is missing, or tree and records differ.
    """
    return _read_newer(account, root, since) if since else _read_whole(account, root)


def _read_whole(account: AccountRow, root: Cid) -> Iterator[Block]:
    nodes = _NodesAhead(account, newer_than="")
    records = repo_reading.records_in_path_order(account.id)
    stack: list[_Entry] = [(None, root)]
    while stack:
        value, subtree = stack.pop()
        if value is not None:
            record = next(records, None)
            if record is None or record[0] != value:
                raise damaged(account, f"the tree has the record {value}, its row differs")
            yield record
        if subtree is not None and (node := nodes.take(subtree)) is not None:
            yield subtree, node[0]
            stack += reversed(node[2])
            stack.append((None, node[1]))
    if next(records, None) is not None:
        raise damaged(account, "there are records that the tree does not have")


def _read_newer(account: AccountRow, root: Cid, since: str) -> Iterator[Block]:
    """Cost follows the change, not the repo.

    A node that is older has been in the tree ever since with all that is below it, so whole
    subtrees are passed over.
    """
    nodes = _NodesAhead(account, newer_than=since)
    stack: list[Cid | None] = [root]
    while stack:
        subtree = stack.pop()
        node = nodes.take(subtree) if subtree is not None else None
        if subtree is None or node is None:
            continue
        block, left, entries = node
        yield subtree, block
        values = [value for value, _ in entries]
        yield from repo_reading.find_records(account.id, values, since).items()
        stack += [after for _, after in reversed(entries)]
        stack.append(left)


class _NodesAhead:
    """Hands out each node of a tree once, reading those below it before they are asked for."""

    def __init__(self, account: AccountRow, newer_than: str) -> None:
        self._account = account
        self._newer_than = newer_than
        self._ahead: dict[Cid, _Node | None] = {}

    def take(self, cid: Cid) -> _Node | None:
        """The node, or None when it is not newer. DamagedRepoError when it is missing."""
        if cid not in self._ahead:
            self._read_ahead(cid)
        return self._ahead.pop(cid)

    def _read_ahead(self, cid: Cid) -> None:
        """Read the node and whole levels below it, while they fit."""
        level = [cid]
        count = 0
        while level and (count == 0 or count + len(level) <= _NODES_AHEAD):
            count += len(level)
            found = repo_reading.find_newer_nodes(self._account.id, level, self._newer_than)
            if len(found) < len(level):
                missing = next(wanted for wanted in level if wanted not in found)
                raise damaged(self._account, f"the node {missing} is missing")
            level = self._add(level, found)

    def _add(self, level: list[Cid], found: dict[bytes, bytes | None]) -> list[Cid]:
        """Keep the nodes of a level for later; returns the level below them."""
        below: list[Cid] = []
        for wanted in level:
            block = found[wanted]
            if block is None:
                self._ahead[wanted] = None
                continue
            left, entries = node_links(block)
            self._ahead[wanted] = (block, left, entries)
            if left is not None:
                below.append(left)
            below += [after for _, after in entries if after is not None]
        return below
