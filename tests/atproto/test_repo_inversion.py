"""Events as strict receivers see them: every commit can be undone from its own blocks."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.node import MissingBlockError, MstError, Node, encode_node
from pds.atproto.mst.proof import covering_proof
from pds.atproto.repo import (
    RecordWrite,
    RepoChange,
    RepoError,
    RepoHead,
    RepoOp,
    apply_writes,
    invert_ops,
)
from tests.atproto.mst.trees import POOL, built, reachable, source_of
from tests.atproto.repos import (
    CIDS,
    DID,
    KEY,
    RECORDS,
    A,
    Repo,
    create,
    delete,
    event_nodes,
    repo_with,
    update,
)
from tests.vectors import INTEROP, load_json


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
