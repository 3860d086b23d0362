"""A repository in memory and the writes to it, for the tests of commits."""

from __future__ import annotations

import itertools

from pds.atproto.car import read_car
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.mst.tree import Tree
from pds.atproto.repo import (
    RecordWrite,
    RepoChange,
    RepoHead,
    apply_writes,
    initial_commit,
)
from pds.atproto.syntax.tid import Tid
from tests.atproto.mst.trees import POOL, source_of

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
KEY = PrivateKey.from_bytes(b"\x01" * 32)
BLOCKS = [f"record {number}".encode() for number in range(4)]
CIDS = [cid_for_cbor(block) for block in BLOCKS]
RECORDS = dict(zip(CIDS, BLOCKS, strict=True))
A, B, C = POOL[0], POOL[1], POOL[2]


def create(path: str, number: int = 0) -> RecordWrite:
    return RecordWrite("create", path, CIDS[number], BLOCKS[number])


def update(path: str, number: int = 1) -> RecordWrite:
    return RecordWrite("update", path, CIDS[number], BLOCKS[number])


def delete(path: str) -> RecordWrite:
    return RecordWrite("delete", path, None, None)


class Repo:
    """A repository in memory, kept as a caller of ``apply_writes`` would keep it."""

    def __init__(self) -> None:
        self.nodes: dict[Cid, bytes] = {}
        self.revs = itertools.count(1)
        self.first = initial_commit(DID, self.next_rev(), KEY)
        self.store(self.first)

    def next_rev(self) -> str:
        return Tid.from_us(next(self.revs), 0)

    def write(self, *writes: RecordWrite) -> RepoChange:
        change = apply_writes(
            source_of(self.nodes), self.head, DID, writes, rev=self.next_rev(), key=KEY
        )
        self.store(change)
        return change

    def store(self, change: RepoChange) -> None:
        for cid in change.removed_nodes:
            del self.nodes[cid]
        assert not change.new_nodes.keys() & self.nodes.keys()
        self.nodes.update(change.new_nodes)
        self.head = RepoHead(change.commit, change.rev, change.data)

    def records(self) -> dict[str, Cid]:
        return dict(Tree(source_of(self.nodes), self.head.data).walk())


def repo_with(*paths: str) -> Repo:
    repo = Repo()
    repo.write(*map(create, paths))
    return repo


def summary(change: RepoChange) -> list[tuple[str, str, Cid | None, Cid | None]]:
    return [(op.action, op.path, op.cid, op.prev) for op in change.ops]


def event_nodes(change: RepoChange) -> dict[Cid, bytes]:
    """The blocks of the event that are neither the commit nor records."""
    _, blocks = read_car(change.car)
    return {
        cid: block
        for cid, block in blocks.items()
        if cid != change.commit and cid not in change.records
    }
