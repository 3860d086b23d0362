"""Exports: whole, in the order of the tree, from one moment, or an error instead."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.car import CarReader, read_car
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.commit import decode_commit
from pds.atproto.mst.check import verified_source, verify_tree
from pds.atproto.mst.node import decode_node
from pds.atproto.mst.tree import MissingBlockError, Tree
from pds.errors import BlockNotFoundError, RepoNotFoundError
from pds.services import Services, tree_reading
from pds.services.export_cache import ExportCache
from pds.services.record_writes import Write
from pds.services.repo_export import CarFile
from pds.services.tree_reading import DamagedRepoError
from pds.storage import database, repo_reading
from tests.factories import Person

SHORT, LONG = "com.example.note", "com.example.note.more"  # "." sorts before "/"
Blocks = list[tuple[Cid, bytes]]


def note(number: int, collection: str = SHORT, text: str = "note") -> Write:
    value = {"$type": collection, "text": f"{text} {number}"}
    return Write("create", collection, f"key{number:05}", value)


def write(services: Services, person: Person, *writes: Write) -> str:
    """Commit the writes; returns the rev."""
    rev = services.repos.apply_writes(person.row, list(writes)).rev
    assert rev is not None
    return rev


def fill(services: Services, person: Person, count: int) -> None:
    for start in range(0, count, 100):
        numbers = range(start, min(count, start + 100))
        write(services, person, *(note(n, LONG if n % 3 else SHORT) for n in numbers))


def read(car: CarFile) -> tuple[list[Cid], Blocks]:
    with car.file as file:
        assert file.tell() == 0
        assert file.seek(0, 2) == car.size_bytes
        file.seek(0)
        reader = CarReader(file)
        return reader.roots, list(reader)


def expected_order(blocks: dict[Cid, bytes], root: Cid) -> list[Cid]:
    """The tree from the left, each node before what is below it, written the plain way."""
    node = decode_node(blocks[root])
    order = [root]
    for index, subtree in enumerate(node.subtrees):
        if index:
            order.append(node.values[index - 1])
        if isinstance(subtree, Cid):
            order += expected_order(blocks, subtree)
    return order


def paths_in(blocks: dict[Cid, bytes], commit: Cid) -> dict[str, Cid]:
    """Check the tree from these blocks alone; returns its records, whose blocks must be there."""
    found = dict(verify_tree(verified_source(blocks), decode_commit(blocks[commit]).data))
    assert all(cid in blocks for cid in found.values())
    return found


@pytest.mark.parametrize("count", [0, 1, 5, 300])
def test_export_is_the_whole_repo_in_the_order_of_the_tree(
    services: Services, alice: Person, count: int
) -> None:
    fill(services, alice, count)

    roots, found = read(services.repo_export.export(alice.row))

    blocks = dict(found)
    head, rev = services.repo_export.latest_commit(alice.row)
    commit = decode_commit(blocks[head])
    assert roots == [head]
    assert (commit.did, commit.rev) == (alice.did, rev)
    assert [cid for cid, _ in found] == [head, *expected_order(blocks, commit.data)]
    assert len(paths_in(blocks, head)) == count


def test_export_repeats_a_block_where_the_tree_does(services: Services, alice: Person) -> None:
    value = {"$type": SHORT, "text": "the same"}
    write(services, alice, *(Write("create", SHORT, rkey, value) for rkey in ("a", "b", "c")))

    roots, found = read(services.repo_export.export(alice.row))

    assert len(paths_in(dict(found), roots[0])) == 3


@pytest.mark.parametrize("nodes_ahead", [1, 2, 10, 50])
def test_export_is_the_same_however_little_is_read_ahead(
    services: Services, alice: Person, nodes_ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, alice, 200)
    whole = read(services.repo_export.export(alice.row))

    monkeypatch.setattr(tree_reading, "_NODES_AHEAD", nodes_ahead)
    monkeypatch.setattr(repo_reading, "_BATCH", 3)
    monkeypatch.setattr(services.repo_export, "_cache", ExportCache())

    assert read(services.repo_export.export(alice.row)) == whole


def test_export_shows_one_moment_while_others_write(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, alice, 50)
    before = read(services.repo_export.export(alice.row))
    original = repo_reading.all_nodes

    def write_meanwhile(*args: Any) -> Any:
        thread = threading.Thread(target=write_and_close)
        thread.start()
        thread.join()
        return original(*args)

    def write_and_close() -> None:
        deletes = [Write("delete", w.collection, w.rkey) for w in (note(0), note(3))]
        write(services, alice, note(900), *deletes)
        database.close_thread_connection()

    monkeypatch.setattr(repo_reading, "all_nodes", write_meanwhile)
    monkeypatch.setattr(services.repo_export, "_cache", ExportCache())

    assert read(services.repo_export.export(alice.row)) == before
    assert services.repo_export.latest_commit(alice.row)[0] != before[0][0]


def test_export_since_a_rev_completes_what_a_reader_had_then(
    services: Services, alice: Person
) -> None:
    fill(services, alice, 60)
    held: dict[str, dict[Cid, bytes]] = {}
    for step in range(8):
        update = Write("update", SHORT, "key00003", {"$type": SHORT, "text": f"step {step % 3}"})
        delete = Write("delete", *_path(step))
        rev = write(services, alice, note(100 + step), update, delete)
        held[rev] = dict(read(services.repo_export.export(alice.row))[1])

    newest = list(held.values())[-1]
    for rev, blocks in held.items():
        roots, new = read(services.repo_export.export(alice.row, rev))
        assert new[0][0] == roots[0]
        assert paths_in({**blocks, **dict(new)}, roots[0]) == paths_in(newest, roots[0])
        assert len(new) < len(newest)


def _path(number: int) -> tuple[str, str]:
    known = note(number, LONG if number % 3 else SHORT) if number != 3 else note(30)
    return known.collection, known.rkey


def test_export_since_the_head_or_later_is_the_commit_alone(
    services: Services, alice: Person
) -> None:
    fill(services, alice, 20)
    head, rev = services.repo_export.latest_commit(alice.row)

    for since in (rev, "7zzzzzzzzzzzz"):
        roots, found = read(services.repo_export.export(alice.row, since))
        assert roots == [cid for cid, _ in found] == [head]


def test_export_since_before_the_first_commit_has_everything(
    services: Services, alice: Person
) -> None:
    fill(services, alice, 20)

    whole = read(services.repo_export.export(alice.row))
    since = read(services.repo_export.export(alice.row, "2222222222222"))

    assert sorted(since[1]) == sorted(whole[1])


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM block WHERE rowid = (SELECT max(rowid) FROM block)",
        "DELETE FROM block WHERE rowid = (SELECT min(rowid) FROM block)",
        "DELETE FROM record WHERE rkey = 'key00000'",
        "DELETE FROM record WHERE rkey = 'key00007'",
        "UPDATE record SET cid = x'0171' WHERE rkey = 'key00003'",
        "UPDATE record SET rkey = 'zzz' WHERE rkey = 'key00003'",
    ],
)
def test_damaged_repo_is_an_error_and_not_a_wrong_file(
    services: Services, alice: Person, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(services, alice, 50)
    with database.transaction():
        assert database.execute(damage) == 1

    with pytest.raises(DamagedRepoError), caplog.at_level(logging.ERROR):
        services.repo_export.export(alice.row)

    assert alice.did in caplog.text


def test_missing_node_is_noticed_by_an_export_since_a_rev(
    services: Services, alice: Person
) -> None:
    rev = services.repo_export.latest_commit(alice.row)[1]
    fill(services, alice, 50)
    with database.transaction():
        database.execute("DELETE FROM block WHERE rowid = (SELECT max(rowid) FROM block)")

    with pytest.raises(DamagedRepoError):
        services.repo_export.export(alice.row, rev)


def test_exports_leave_no_files_behind(services: Services, alice: Person, tmp_path: Path) -> None:
    fill(services, alice, 10)

    car = services.repo_export.export(alice.row)

    assert list((tmp_path / "tmp").iterdir()) == []
    car.file.close()


def test_account_without_a_repo_has_nothing_to_export(services: Services, alice: Person) -> None:
    with database.transaction():
        database.execute("DELETE FROM repo_root")
    export, account = services.repo_export, alice.row

    for ask in (
        lambda: export.export(account),
        lambda: export.export(account, "2222222222222"),
        lambda: export.blocks(account, []),
        lambda: export.record_proof(account, SHORT, "a"),
        lambda: export.latest_commit(account),
    ):
        with pytest.raises(RepoNotFoundError):
            ask()


def test_blocks_come_in_the_order_asked_for_and_once(services: Services, alice: Person) -> None:
    fill(services, alice, 80)
    _, whole = read(services.repo_export.export(alice.row))
    wanted = [*reversed(whole), whole[0]]

    roots, found = read(services.repo_export.blocks(alice.row, [cid for cid, _ in wanted]))

    assert roots == []
    assert found == list(reversed(whole))


def test_unknown_blocks_are_named(services: Services, alice: Person, bob: Person) -> None:
    write(services, bob, note(1))
    of_bob = read(services.repo_export.export(bob.row))[1][-1][0]
    nowhere = cid_for_cbor(b"nowhere")
    head, _ = services.repo_export.latest_commit(alice.row)

    with pytest.raises(BlockNotFoundError) as caught:
        services.repo_export.blocks(alice.row, [of_bob, head, nowhere])

    assert caught.value.message == f"Could not find cids: {of_bob}, {nowhere}"


def test_record_proof_holds_the_path_and_the_record(services: Services, alice: Person) -> None:
    fill(services, alice, 200)

    roots, blocks = read_car(services.repo_export.record_proof(alice.row, SHORT, "key00003"))

    commit = decode_commit(blocks[roots[0]])
    cid = Tree(verified_source(blocks), commit.data).get(f"{SHORT}/key00003")
    assert cid is not None
    assert cid == cid_for_cbor(blocks[cid])
    assert next(iter(blocks)) == roots[0]
    assert list(blocks)[-1] == cid
    assert len(blocks) < 12


@pytest.mark.parametrize("rkey", ["a", "key00003x", "zzz"])
def test_record_proof_shows_absence(services: Services, alice: Person, rkey: str) -> None:
    fill(services, alice, 200)

    roots, blocks = read_car(services.repo_export.record_proof(alice.row, SHORT, rkey))

    data = decode_commit(blocks[roots[0]]).data
    assert Tree(verified_source(blocks), data).get(f"{SHORT}/{rkey}") is None
    assert all(
        not any(key.endswith(rkey.encode()) for key in decode_node(block).keys)
        for cid, block in blocks.items()
        if cid != roots[0]
    )


def test_record_proof_is_no_more_than_its_path(services: Services, alice: Person) -> None:
    fill(services, alice, 200)

    _, blocks = read_car(services.repo_export.record_proof(alice.row, SHORT, "key00003"))
    _, whole = read(services.repo_export.export(alice.row))

    tree = decode_commit(whole[0][1]).data
    with pytest.raises(MissingBlockError):
        list(verify_tree(verified_source(blocks), tree))


def test_record_that_its_row_contradicts_is_damage(services: Services, alice: Person) -> None:
    write(services, alice, note(1))
    with database.transaction():
        database.execute("DELETE FROM record")

    with pytest.raises(DamagedRepoError):
        services.repo_export.record_proof(alice.row, SHORT, "key00001")


def test_repeated_export_is_the_same_file_until_the_next_commit(
    services: Services, alice: Person
) -> None:
    fill(services, alice, 20)
    first = read(services.repo_export.export(alice.row))
    assert read(services.repo_export.export(alice.row)) == first

    write(services, alice, note(900))
    later = read(services.repo_export.export(alice.row))
    assert later[0] != first[0]
    assert len(later[1]) > len(first[1])
