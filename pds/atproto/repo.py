"""Turn record writes into a signed commit: what to store, what to announce.

``apply_writes`` reads the tree lazily from the blocks of the repository and returns everything a
caller stores (new blocks, nodes to drop) together with the CAR for the event. ``invert_ops`` is
the receiver's side: it takes the operations back on the announced blocks alone.

Spec: https://atproto.com/specs/repository and https://atproto.com/specs/sync#firehose
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pds.atproto.car import write_car
from pds.atproto.cid import Cid
from pds.atproto.commit import sign_commit
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.dag_cbor import Value
from pds.atproto.mst.check import check_partial_tree, verified_source
from pds.atproto.mst.node import BlockSource
from pds.atproto.mst.proof import covering_proof
from pds.atproto.mst.store import NodeStore
from pds.atproto.mst.tree import Tree

MAX_OPS = 200
MAX_CAR_BYTES = 2_000_000

Action = Literal["create", "update", "delete"]


class RepoError(ValueError):
    """Writes that cannot become a commit, or operations that do not belong to one."""


class RecordExistsError(RepoError):
    """A create where there is a record already."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is a record at {path} already")
        self.path = path


class RecordNotFoundError(RepoError):
    """An update or delete where there is no record."""

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no record at {path}")
        self.path = path


class TooManyOpsError(RepoError):
    """More writes than one commit may carry."""


class CommitTooLargeError(RepoError):
    """More bytes than the event of one commit may carry."""


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """One write as asked for. A delete has neither ``cid`` nor ``block``, the others have both."""

    action: Action
    path: str
    cid: Cid | None
    block: bytes | None

    def __post_init__(self) -> None:
        is_delete = self.action == "delete"
        if is_delete != (self.cid is None) or is_delete != (self.block is None):
            raise RepoError("a record and its CID come with every write but a delete")


@dataclass(frozen=True, slots=True)
class RepoOp:
    """What a commit did to one path: ``cid`` is there now, ``prev`` was there before."""

    action: Action
    path: str
    cid: Cid | None
    prev: Cid | None

    def to_value(self) -> dict[str, Value]:
        """The form of the firehose, where a create has no ``prev`` at all."""
        value: dict[str, Value] = {"action": self.action, "path": self.path, "cid": self.cid}
        if self.prev is not None:
            value["prev"] = self.prev
        return value


@dataclass(frozen=True, slots=True)
class RepoHead:
    """Where a repository stands: its latest commit, and that commit's rev and tree."""

    commit: Cid
    rev: str
    data: Cid


@dataclass(frozen=True, slots=True)
class RepoChange:
    """A commit and its consequences.

    ``ops`` are the net effect, one for each path, in the order asked for. ``new_nodes`` and
    ``removed_nodes`` are the exact differences between the trees before and after. A block in
    ``records`` may have been in the repository before, under this path or another. ``car`` holds
    the commit, the nodes that let a receiver undo ``ops``, and the records, in this order.
    ``since`` and ``prev_data`` are None for the first commit only.
    """

    did: str
    commit: Cid
    commit_block: bytes
    rev: str
    data: Cid
    since: str | None
    prev_data: Cid | None
    ops: tuple[RepoOp, ...]
    new_nodes: dict[Cid, bytes]
    removed_nodes: frozenset[Cid]
    records: dict[Cid, bytes]
    car: bytes


def initial_commit(did: str, rev: str, key: PrivateKey) -> RepoChange:
    """Make the first commit of a repository, with an empty tree."""
    return _commit(_Draft(Tree(verified_source({}), None), did, None, (), {}), rev, key)


def apply_writes(
    source: BlockSource | NodeStore,
    head: RepoHead,
    did: str,
    writes: Sequence[RecordWrite],
    *,
    rev: str,
    key: PrivateKey,
) -> RepoChange:
    """Make the commit that follows ``head`` by carrying out ``writes``, all or none.

    Several writes to one path are reduced to their net effect; what changes nothing leaves no
    operation. Without any operation the commit is still made, as a signing-key change needs it.
    The caller has checked the syntax of paths and the CIDs of blocks, and holds the repository
    still between reading ``head`` and storing the change.

    Raises:
        RecordExistsError, RecordNotFoundError: a write does not fit what is there.
        TooManyOpsError, CommitTooLargeError: the writes must be spread over several commits.
        RepoError: ``rev`` is not later than that of ``head``.
        MissingBlockError, MstError: the stored tree is damaged.
    """
    if len(writes) > MAX_OPS:
        raise TooManyOpsError(f"a commit carries at most {MAX_OPS} writes, not {len(writes)}")
    if rev <= head.rev:
        raise RepoError("the rev of a commit must be later than that before it")
    tree = Tree(source, head.data)
    ops, records = _reduce(tree, writes)
    for op in ops:
        if op.cid is None:
            tree.delete(op.path)
        else:
            tree.put(op.path, op.cid)
    return _commit(_Draft(tree, did, head, ops, records), rev, key)


def invert_ops(source_blocks: Mapping[Cid, bytes], data: Cid, ops: Sequence[RepoOp]) -> Cid:
    """Return the root of the tree before ``ops`` led to ``data``, as a strict receiver finds it.

    ``source_blocks`` are the blocks of the event. The operations are undone in the order given;
    for a well-formed event every order gives the same root.

    Raises:
        RepoError: an operation is malformed, repeats a path, or does not agree with the tree.
        MissingBlockError: the blocks do not suffice.
        MstError: a block is forged, or not a node in its place.
    """
    if len(ops) > MAX_OPS or len({op.path for op in ops}) != len(ops):
        raise RepoError(f"a commit has at most {MAX_OPS} operations, one for each path")
    source = verified_source(source_blocks)
    check_partial_tree(source, data)
    tree = Tree(source, data)
    for op in ops:
        _check_op(op)
        found = tree.delete(op.path) if op.prev is None else tree.put(op.path, op.prev)
        if found != op.cid:
            raise RepoError(f"the {op.action} of {op.path} does not agree with the tree")
    return tree.flush()[0]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A commit about to be made: the changed tree, and what the change was."""

    tree: Tree
    did: str
    head: RepoHead | None
    ops: tuple[RepoOp, ...]
    records: dict[Cid, bytes]


def _commit(draft: _Draft, rev: str, key: PrivateKey) -> RepoChange:
    data, new_nodes = draft.tree.flush()
    commit, commit_block, _ = sign_commit(draft.did, rev, data, key)
    proof = covering_proof(draft.tree.store, data, [op.path for op in draft.ops])
    # The proof covers the new nodes; naming them makes the event whole by construction.
    nodes = {**proof, **new_nodes}
    car = write_car([commit], [(commit, commit_block), *nodes.items(), *draft.records.items()])
    if len(car) > MAX_CAR_BYTES:
        raise CommitTooLargeError(f"a commit may have {MAX_CAR_BYTES} bytes, not {len(car)}")
    return RepoChange(
        did=draft.did,
        commit=commit,
        commit_block=commit_block,
        rev=rev,
        data=data,
        since=draft.head.rev if draft.head else None,
        prev_data=draft.head.data if draft.head else None,
        ops=draft.ops,
        new_nodes=new_nodes,
        removed_nodes=draft.tree.touched_nodes,
        records=draft.records,
        car=car,
    )


def _reduce(
    tree: Tree, writes: Sequence[RecordWrite]
) -> tuple[tuple[RepoOp, ...], dict[Cid, bytes]]:
    """The net effect of ``writes`` on ``tree``, and the records it puts there."""
    before: dict[str, Cid | None] = {}
    last: dict[str, RecordWrite] = {}
    for write in writes:
        path = write.path
        if path in last:
            current = last[path].cid
        else:
            current = before[path] = tree.get(path)
        if write.action == "create" and current is not None:
            raise RecordExistsError(path)
        if write.action != "create" and current is None:
            raise RecordNotFoundError(path)
        last[path] = write
    ops: list[RepoOp] = []
    records: dict[Cid, bytes] = {}
    for path, write in last.items():
        prev = before[path]
        if write.cid == prev:
            continue
        if write.cid is not None and write.block is not None:
            records[write.cid] = write.block
        ops.append(RepoOp(_action(write.cid, prev), path, write.cid, prev))
    return tuple(ops), records


def _action(cid: Cid | None, prev: Cid | None) -> Action:
    if cid is None:
        return "delete"
    return "create" if prev is None else "update"


def _check_op(op: RepoOp) -> None:
    if op.cid == op.prev or op.action != _action(op.cid, op.prev):
        raise RepoError(f"the {op.action} of {op.path} is malformed")
