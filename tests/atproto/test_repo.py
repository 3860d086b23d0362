"""Commits from writes: net effects, exact node sets, and events that strict receivers accept."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.car import read_car
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.commit import decode_commit
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.mst.node import MissingBlockError, MstError, Node, encode_node
from pds.atproto.mst.proof import covering_proof
from pds.atproto.mst.tree import EMPTY_TREE_CID, Tree
from pds.atproto.repo import (
    MAX_CAR_BYTES,
    CommitTooLargeError,
    RecordExistsError,
    RecordNotFoundError,
    RecordWrite,
    RepoChange,
    RepoError,
    RepoHead,
    RepoOp,
    TooManyOpsError,
    apply_writes,
    initial_commit,
    invert_ops,
)
from pds.atproto.syntax.tid import Tid
from tests.atproto.mst.trees import POOL, built, reachable, source_of
from tests.vectors import INTEROP, load_json

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


def test_first_commit_has_an_empty_tree():
    change = initial_commit(DID, "3jzfcijpj2z2a", KEY)

    roots, blocks = read_car(change.car)
    assert roots == [change.commit]
    assert list(blocks) == [change.commit, EMPTY_TREE_CID]
    assert (change.since, change.prev_data, change.data) == (None, None, EMPTY_TREE_CID)
    assert change.new_nodes.keys() == {EMPTY_TREE_CID}
    assert (change.ops, change.removed_nodes, change.records) == ((), frozenset(), {})
    commit = decode_commit(change.commit_block)
    assert (commit.did, commit.rev, commit.data) == (DID, "3jzfcijpj2z2a", EMPTY_TREE_CID)
    assert commit.verify(KEY.public)


def test_a_create_is_announced_with_all_its_blocks():
    repo = Repo()
    before = repo.head

    change = repo.write(create(A))

    roots, blocks = read_car(change.car)
    assert roots == [change.commit]
    assert list(blocks) == [change.commit, change.data, CIDS[0]]
    assert blocks[change.commit] == change.commit_block
    assert blocks[CIDS[0]] == BLOCKS[0]
    assert change.records == {CIDS[0]: BLOCKS[0]}
    assert (change.since, change.prev_data) == (before.rev, before.data)
    assert change.removed_nodes == {EMPTY_TREE_CID}
    assert summary(change) == [("create", A, CIDS[0], None)]
    assert decode_commit(change.commit_block).verify(KEY.public)


def test_update_and_delete_name_what_was_there():
    repo = repo_with(A, B)

    change = repo.write(update(A), delete(B))

    assert summary(change) == [("update", A, CIDS[1], CIDS[0]), ("delete", B, None, CIDS[0])]
    assert change.records == {CIDS[1]: BLOCKS[1]}
    assert CIDS[0] not in read_car(change.car)[1]
    assert repo.records() == {A: CIDS[1]}


def test_operations_keep_the_order_asked_for():
    change = Repo().write(create(C), create(A, 1), create(B, 2))

    assert [op.path for op in change.ops] == [C, A, B]


@pytest.mark.parametrize(
    ("writes", "net"),
    [
        ([create(B), delete(B)], []),
        ([create(B), update(B)], [("create", B, CIDS[1], None)]),
        ([delete(A), create(A, 1)], [("update", A, CIDS[1], CIDS[0])]),
        ([delete(A), create(A, 0)], []),
        ([update(A, 0)], []),
        ([update(A), update(A, 2)], [("update", A, CIDS[2], CIDS[0])]),
        ([update(A), update(A, 0)], []),
        ([update(A), delete(A)], [("delete", A, None, CIDS[0])]),
        (
            [create(B), delete(A), delete(B), create(B, 2)],
            [("create", B, CIDS[2], None), ("delete", A, None, CIDS[0])],
        ),
    ],
)
def test_writes_to_one_path_are_reduced_to_their_net_effect(writes, net):
    repo = repo_with(A)

    change = repo.write(*writes)

    assert summary(change) == net
    assert change.records == {cid: RECORDS[cid] for _, _, cid, _ in net if cid is not None}


def test_a_record_moved_to_another_path_is_sent_again():
    change = repo_with(A).write(delete(A), create(B))

    assert change.records == {CIDS[0]: BLOCKS[0]}
    assert CIDS[0] in read_car(change.car)[1]


@pytest.mark.parametrize(
    ("writes", "error", "path"),
    [
        ([create(A)], RecordExistsError, A),
        ([create(B), create(B)], RecordExistsError, B),
        ([update(B)], RecordNotFoundError, B),
        ([delete(B)], RecordNotFoundError, B),
        ([delete(A), update(A)], RecordNotFoundError, A),
        ([create(C), delete(A), delete(A)], RecordNotFoundError, A),
    ],
)
def test_writes_that_do_not_fit_are_refused(writes, error, path):
    repo = repo_with(A)
    head, nodes = repo.head, dict(repo.nodes)

    with pytest.raises(error) as caught:
        repo.write(*writes)

    assert caught.value.path == path
    assert path in str(caught.value)
    assert (repo.head, repo.nodes) == (head, nodes)


def test_a_commit_without_operations_keeps_the_tree():
    repo = repo_with(*POOL)
    before = repo.head

    change = repo.write()

    assert (change.data, change.prev_data) == (before.data, before.data)
    assert (change.new_nodes, change.removed_nodes, change.ops) == ({}, frozenset(), ())
    assert change.commit != before.commit
    assert list(read_car(change.car)[1]) == [change.commit, change.data]


def test_the_rev_must_rise():
    repo = repo_with(A)

    for rev in (repo.head.rev, repo.first.rev):
        with pytest.raises(RepoError, match="later"):
            apply_writes(source_of(repo.nodes), repo.head, DID, [], rev=rev, key=KEY)


def test_two_hundred_writes_are_the_most():
    paths = [f"com.example.a/{number:03}" for number in range(201)]
    repo = Repo()

    with pytest.raises(TooManyOpsError):
        repo.write(*map(create, paths))
    assert len(repo.write(*map(create, paths[:200])).ops) == 200


def test_an_event_has_a_greatest_size():
    block = bytes(MAX_CAR_BYTES // 2 - 1000)
    writes = [
        RecordWrite("create", path, cid_for_cbor(content), content)
        for path, content in ((A, block), (B, block + b"x"), (C, bytes(3000)))
    ]
    repo = Repo()

    with pytest.raises(CommitTooLargeError):
        repo.write(*writes)
    assert MAX_CAR_BYTES - 2000 < len(repo.write(*writes[:2]).car) <= MAX_CAR_BYTES


@pytest.mark.parametrize(
    ("action", "cid", "block"),
    [
        ("create", None, None),
        ("create", CIDS[0], None),
        ("update", None, b""),
        ("delete", CIDS[0], None),
        ("delete", None, b""),
    ],
)
def test_a_write_is_whole(action, cid, block):
    with pytest.raises(RepoError):
        RecordWrite(action, A, cid, block)


def test_operations_have_the_form_of_the_firehose():
    assert RepoOp("create", A, CIDS[0], None).to_value() == {
        "action": "create",
        "path": A,
        "cid": CIDS[0],
    }
    assert RepoOp("delete", A, None, CIDS[0]).to_value() == {
        "action": "delete",
        "path": A,
        "cid": None,
        "prev": CIDS[0],
    }


def test_commits_carry_the_proofs_of_the_fixtures():
    for case in load_json(INTEROP / "firehose" / "commit-proof-fixtures.json"):
        value = Cid.parse(case["leafValue"])
        root, nodes = built(dict.fromkeys(case["keys"], value))
        assert str(root) == case["rootBeforeCommit"]
        writes = [RecordWrite("create", path, value, b"") for path in case["adds"]]
        writes += [delete(path) for path in case["dels"]]
        head = RepoHead(value, "2" * 13, root)

        # The record of the fixtures is not given, so the event's CAR cannot be read back here.
        change = apply_writes(source_of(nodes), head, DID, writes, rev="3" * 13, key=KEY)

        assert str(change.data) == case["rootAfterCommit"], case["comment"]
        proof = covering_proof(
            source_of({**nodes, **change.new_nodes}), change.data, [op.path for op in change.ops]
        )
        assert sorted(map(str, proof)) == sorted(case["blocksInProof"]), case["comment"]
        assert change.new_nodes.keys() <= proof.keys()
        for order in itertools.permutations(change.ops):
            assert invert_ops(proof, change.data, order) == root, case["comment"]


changes = st.lists(
    st.dictionaries(st.sampled_from(POOL), st.sampled_from([*CIDS, None]), max_size=8),
    min_size=1,
    max_size=6,
)


def writes_for(records: dict[str, Cid], wanted: dict[str, Cid | None]) -> list[RecordWrite]:
    """The writes that lead from ``records`` to ``wanted``; some change nothing."""
    writes = []
    for path, cid in wanted.items():
        if cid is not None:
            action: Any = "update" if path in records else "create"
            writes.append(RecordWrite(action, path, cid, RECORDS[cid]))
        elif path in records:
            writes.append(delete(path))
    return writes


def orders(ops: Sequence[RepoOp]) -> list[Sequence[RepoOp]]:
    """All orders of few operations, some of many."""
    if len(ops) <= 3:
        return list(itertools.permutations(ops))
    shuffled = [random.Random(seed).sample(ops, len(ops)) for seed in range(4)]
    return [ops, ops[::-1], *shuffled]


@settings(deadline=None, max_examples=80)
@given(changes)
def test_every_commit_can_be_stored_and_undone_from_its_event(wanted):
    repo = Repo()
    expected: dict[str, Cid] = {}
    for step in wanted:
        before, head = dict(repo.nodes), repo.head
        change = repo.write(*writes_for(expected, step))
        for path, cid in step.items():
            expected.pop(path, None)
            if cid is not None:
                expected[path] = cid

        assert change.data == built(expected)[0]
        assert repo.records() == expected
        assert repo.nodes.keys() == reachable(repo.nodes, repo.head.data)
        assert change.new_nodes.keys() == repo.nodes.keys() - before.keys()
        assert change.removed_nodes == before.keys() - repo.nodes.keys()
        nodes = event_nodes(change)
        assert change.new_nodes.items() <= nodes.items() <= repo.nodes.items()
        for order in orders(change.ops):
            assert invert_ops(nodes, change.data, order) == head.data


def inverted(change: RepoChange, *ops: RepoOp) -> Cid:
    return invert_ops(event_nodes(change), change.data, ops)


@pytest.mark.parametrize(
    "op",
    [
        pytest.param(RepoOp("create", A, CIDS[0], None), id="another action"),
        pytest.param(RepoOp("create", A, CIDS[1], CIDS[0]), id="create with prev"),
        pytest.param(RepoOp("update", A, CIDS[1], None), id="update without prev"),
        pytest.param(RepoOp("update", A, CIDS[1], CIDS[1]), id="update of nothing"),
        pytest.param(RepoOp("update", A, CIDS[2], CIDS[0]), id="update to another record"),
        pytest.param(RepoOp("delete", A, None, CIDS[0]), id="delete of what is there"),
        pytest.param(RepoOp("delete", A, CIDS[1], CIDS[0]), id="delete with cid"),
        pytest.param(RepoOp("delete", A, None, None), id="delete of nothing"),
    ],
)
def test_operations_that_do_not_agree_with_the_tree_are_refused(op):
    repo = repo_with(A)
    before = repo.head
    change = repo.write(update(A))

    assert inverted(change, *change.ops) == before.data
    with pytest.raises(RepoError):
        inverted(change, op)


def test_operations_repeat_no_path_and_are_few():
    change = repo_with(A).write(update(A))

    with pytest.raises(RepoError, match="one for each path"):
        inverted(change, *change.ops, *change.ops)
    many = [dataclasses.replace(change.ops[0], path=f"a/{number}") for number in range(201)]
    with pytest.raises(RepoError, match="at most"):
        inverted(change, *many)


def test_a_wrong_prev_leads_to_another_root():
    repo = repo_with(A)
    before = repo.head
    change = repo.write(update(A))

    assert inverted(change, RepoOp("update", A, CIDS[1], CIDS[2])) != before.data


def test_blocks_that_are_missing_forged_or_out_of_place_are_noticed():
    change = repo_with(*POOL).write(delete(POOL[4]), create("com.example.a/new"))
    nodes = event_nodes(change)
    empty = encode_node(Node([], [], [None]))

    assert len(nodes) > 3
    for cid in nodes:
        rest = {other: block for other, block in nodes.items() if other != cid}
        with pytest.raises(MstError):
            invert_ops({**rest, cid: empty}, change.data, change.ops)
    with pytest.raises(MissingBlockError):
        invert_ops({}, change.data, change.ops)
    pointer = encode_node(Node([], [], [change.data]))
    with pytest.raises(MstError, match="root"):
        invert_ops({**nodes, cid_for_cbor(pointer): pointer}, cid_for_cbor(pointer), change.ops)


def test_an_event_that_lacks_a_neighbour_is_noticed():
    # Taking back the create merges the subtrees beside it, down to where they face each other.
    case = load_json(INTEROP / "firehose" / "commit-proof-fixtures.json")[0]
    value = Cid.parse(case["leafValue"])
    root, nodes = built(dict.fromkeys([*case["keys"], *case["adds"]], value))
    proof = covering_proof(source_of(nodes), root, case["adds"])
    ops = [RepoOp("create", path, value, None) for path in case["adds"]]

    assert str(invert_ops(proof, root, ops)) == case["rootBeforeCommit"]
    for cid in proof:
        with pytest.raises(MissingBlockError) as caught:
            invert_ops({other: proof[other] for other in proof if other != cid}, root, ops)
        assert caught.value.cid == cid
