"""Commits from writes: net effects, exact node sets, and events that strict receivers accept."""

from __future__ import annotations

import pytest

from pds.atproto.car import read_car
from pds.atproto.cid import cid_for_cbor
from pds.atproto.commit import decode_commit
from pds.atproto.mst.tree import EMPTY_TREE_CID
from pds.atproto.repo import (
    MAX_CAR_BYTES,
    CommitTooLargeError,
    RecordExistsError,
    RecordNotFoundError,
    RecordWrite,
    RepoError,
    RepoOp,
    TooManyOpsError,
    apply_writes,
    initial_commit,
)
from tests.atproto.mst.trees import POOL, source_of
from tests.atproto.repos import (
    BLOCKS,
    CIDS,
    DID,
    KEY,
    RECORDS,
    A,
    B,
    C,
    Repo,
    create,
    delete,
    repo_with,
    summary,
    update,
)


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
