"""Read the stored tree of an account with its records, from the left, for an export.

Nodes are read ahead a few thousand at a time, since one query for many costs a third of many
queries for one. Records come in one sweep over the index, which has them in the order of the tree;
that both agree is checked on the way.

An export spends its time here, once per block: CIDs stay plain bytes, and the pieces of the file
are made directly, not by way of (CID, content) pairs.

Call everything here inside a snapshot.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from pds.atproto.car import section_length
from pds.atproto.cid import Cid
from pds.atproto.mst.node import leaf_values, node_runs
from pds.atproto.mst.tree import EMPTY_TREE_CID
from pds.storage import repo_reading
from pds.storage.accounts import AccountRow

logger = logging.getLogger("pds.repos")

_NODES_AHEAD: Final = 8_192

_PIECES: Final = 1_000  # three to a block, so about 100 kB of posts

Block = tuple[bytes, bytes]  # CID and content


class DamagedRepoError(RuntimeError):
    """What is stored of a repo contradicts itself: a bug here or a damaged disk."""


def damaged(account: AccountRow, what: str) -> DamagedRepoError:
    """Log that the stored repo is wrong; returns the error to raise."""
    logger.error("the stored repo of %s is damaged: %s", account.did, what)
    return DamagedRepoError(what)


def read_whole(account: AccountRow, root: Cid) -> Iterator[bytes]:
    """The nodes and records of the tree at ``root`` as sections of a CAR file, in chunks.

    Raises (while iterating):
        DamagedRepoError: a node is missing, or tree and records differ.
    """
    nodes = _NodesAhead(account, newer_than="", whole=True)
    records = repo_reading.records_in_path_order(account.id)
    pieces: list[bytes] = []
    stack: list[bytes | list[bytes]] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            _add_records(account, item, records, pieces)
            continue
        block = nodes.take(item)
        pieces += (section_length(len(item) + len(block)), item, block)
        values = leaf_values(block)
        if values is None:
            stack += reversed(node_runs(block))
        else:
            _add_records(account, values, records, pieces)
        if len(pieces) > _PIECES:
            yield b"".join(pieces)
            pieces.clear()
    yield b"".join(pieces)
    # Beside the empty tree there may be an import that is being filled in.
    if root != EMPTY_TREE_CID and next(records, None) is not None:
        raise damaged(account, "there are records that the tree does not have")


def _add_records(
    account: AccountRow,
    values: list[bytes],
    records: Iterator[tuple[bytes, bytes]],
    pieces: list[bytes],
) -> None:
    """Add the sections of the next records, which must be those that the tree has here."""
    wanted = len(pieces) + 3 * len(values)
    for value, (cid, content) in zip(values, records, strict=False):
        if cid != value:
            break
        pieces += (section_length(len(cid) + len(content)), cid, content)
    if len(pieces) != wanted:
        raise damaged(account, "the records of a node are not those of the index")


def read_newer(account: AccountRow, root: Cid, since: str) -> Iterator[Block]:
    """The nodes and records of the tree at ``root`` that were written after a rev.

    Cost follows the change, not the repo: a node that is older has been in the tree ever since
    with all that is below it, so whole subtrees are passed over.

    Raises (while iterating):
        DamagedRepoError: a node is missing.
    """
    nodes = _NodesAhead(account, newer_than=since, whole=False)
    stack: list[bytes] = [root]
    while stack:
        cid = stack.pop()
        block = nodes.take(cid)
        if not block:
            continue
        yield cid, block
        runs = node_runs(block)
        values = [value for run in runs if isinstance(run, list) for value in run]
        yield from repo_reading.find_records(account.id, values, since).items()
        stack += [run for run in reversed(runs) if isinstance(run, bytes)]


class _NodesAhead:
    """Hands out each node of a tree once, reading those below it before they are asked for.

    whole: the tree will be read from end to end, so that a small one is best read at once.
    """

    def __init__(self, account: AccountRow, newer_than: str, *, whole: bool) -> None:
        self._account = account
        self._newer_than = newer_than
        self._ahead: dict[bytes, bytes | None] = {}
        if whole:
            self._ahead.update(repo_reading.all_nodes(account.id, _NODES_AHEAD))

    def take(self, cid: bytes) -> bytes:
        """The node; empty bytes when it is not newer. DamagedRepoError when it is missing."""
        if cid not in self._ahead:
            self._read_ahead(cid)
        return self._ahead.pop(cid) or b""

    def _read_ahead(self, cid: bytes) -> None:
        """Read the node and whole levels below it, while they fit."""
        level = [cid]
        count = 0
        while level and (count == 0 or count + len(level) <= _NODES_AHEAD):
            count += len(level)
            found = repo_reading.find_newer_nodes(self._account.id, level, self._newer_than)
            if len(found) < len(level):
                missing = next(wanted for wanted in level if wanted not in found)
                raise damaged(self._account, f"the node {Cid(missing)} is missing")
            self._ahead.update(found)
            level = [
                run
                for wanted in level
                if (block := found[wanted]) is not None
                for run in node_runs(block)
                if isinstance(run, bytes)
            ]
