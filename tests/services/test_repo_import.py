"""Imports: what arrives is what was signed, and the chain of commits that follows is ours."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from pds.atproto import dag_cbor, dag_json, plc
from pds.atproto.car import CarReader, write_car
from pds.atproto.cid import Cid, cid_for_cbor, cid_for_raw
from pds.atproto.commit import decode_commit
from pds.atproto.crypto.keypair import PrivateKey, PublicKey
from pds.atproto.mst.tree import EMPTY_TREE_CID
from pds.atproto.syntax.tid import Tid
from pds.errors import AccountTakedownError, InvalidRequestError, InvalidSwapError
from pds.services import Services
from pds.services.record_writes import Write
from pds.services.repo_import import RepoImport
from pds.storage import database, import_staging, records, repo_roots
from pds.storage.accounts import AccountRow
from tests.factories import (
    Newcomer,
    Person,
    dump_tables,
    make_newcomer,
    read_events,
    take_down,
)
from tests.foreign_repo import NEWER_REV, REV, ForeignRepo, encode, simple_records

TABLES = ("block", "record", "record_blob", "repo_root", "event", "blob")
NOTE = "com.example.note"


@dataclass
class Move:
    """Somebody who has signed up here and is about to bring their repo."""

    services: Services
    newcomer: Newcomer
    account: AccountRow
    repo: ForeignRepo

    def run(self, car: bytes | None = None) -> None:
        self.services.repo_import.import_repo(
            self.account, io.BytesIO(self.repo.car() if car is None else car)
        )

    def exported(self) -> dict[Cid, bytes]:
        with self.services.repo_export.export(self.account).file as file:
            return dict(CarReader(file))

    def key(self) -> PublicKey:
        found = database.row(
            "SELECT did_key FROM signing_key WHERE account_id = ?", (self.account.id,)
        )
        assert found is not None
        return PublicKey.from_did_key(found[0])


@pytest.fixture
def move(services: Services) -> Move:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    account = services.accounts.get_account(newcomer.did)
    repo = ForeignRepo(newcomer.did, newcomer.key, simple_records(40))
    return Move(services, newcomer, account, repo)


def own_repo(services: Services, person: Person, count: int = 40) -> ForeignRepo:
    """A repo that the account's own key has signed, such as a backup."""
    key = services.repo_import._parts.keys.get(person.row.id)
    return ForeignRepo(person.did, key, simple_records(count))


def make_note(rkey: str) -> Write:
    return Write("create", NOTE, rkey, {"$type": NOTE, "text": rkey})


# --- what an import brings ----------------------------------------------------------------------


def test_import_brings_all_records_under_a_commit_of_ours(move: Move) -> None:
    first_rev = move.services.repos.get_head(move.account.id).rev

    move.run()

    cid, rev, block = cast("tuple[Cid, str, bytes]", repo_roots.find_commit(move.account.id))
    commit = decode_commit(block)
    assert cid == cid_for_cbor(block)
    assert commit.verify(move.key())
    assert (commit.did, commit.rev, commit.data) == (move.account.did, rev, move.repo.nodes()[0])
    assert rev > max(REV, first_rev)
    expected = {cid, *(c for c, _ in move.repo.blocks())} - {move.repo.commit()[0]}
    assert set(move.exported()) == expected
    assert move.services.repos.counts(move.account.id)[1] == 40


def test_import_into_an_inactive_account_announces_nothing(move: Move) -> None:
    before = read_events()

    move.run()

    assert read_events() == before


def test_import_into_an_active_account_announces_the_new_head(
    services: Services, alice: Person
) -> None:
    before = len(read_events())

    services.repo_import.import_repo(alice.row, own_repo(services, alice).stream())

    [(kind, payload)] = read_events()[before:]
    head = services.repos.get_head(alice.row.id)
    blocks = dict(CarReader(io.BytesIO(payload["blocks"])))
    assert (kind, payload["did"], payload["rev"]) == ("#sync", alice.did, head.rev)
    assert decode_commit(blocks[head.commit]).rev == head.rev


def test_writes_go_on_where_the_import_ended(services: Services, alice: Person) -> None:
    services.repo_import.import_repo(alice.row, own_repo(services, alice).stream())
    head = services.repos.get_head(alice.row.id)

    services.repos.apply_writes(alice.row, [make_note("new")])

    kind, payload = read_events()[-1]
    assert (kind, payload["since"], payload["prevData"]) == ("#commit", head.rev, head.data)
    assert services.repos.counts(alice.row.id)[1] == 41


def test_import_replaces_what_was_there(services: Services, alice: Person) -> None:
    services.repos.apply_writes(alice.row, [make_note("old")])

    services.repo_import.import_repo(alice.row, own_repo(services, alice, 3).stream())

    assert records.find_record(alice.row.id, NOTE, "old") is None
    assert services.repos.counts(alice.row.id) == (1 + 3 + _node_count(alice), 3)


def _node_count(person: Person) -> int:
    return len(database.rows("SELECT 1 FROM block WHERE account_id = ?", (person.row.id,)))


def test_import_of_an_empty_repo_is_accepted(move: Move) -> None:
    move.repo.records = {}

    move.run()

    assert move.services.repos.get_head(move.account.id).data == EMPTY_TREE_CID


def test_imports_of_different_accounts_do_not_touch_each_other(move: Move, alice: Person) -> None:
    move.services.repos.apply_writes(alice.row, [make_note("hers")])
    before = database.rows("SELECT * FROM record WHERE account_id = ?", (alice.row.id,))

    move.run()

    assert database.rows("SELECT * FROM record WHERE account_id = ?", (alice.row.id,)) == before


def test_blocks_may_come_in_any_order_twice_and_among_strangers(move: Move) -> None:
    stranger = encode({"not": "ours"})
    blocks = [*move.repo.blocks(), *move.repo.blocks(), stranger]
    random.Random(7).shuffle(blocks)
    move.run(write_car([move.repo.commit()[0]], blocks))

    assert stranger[0] not in move.exported()
    assert move.services.repos.counts(move.account.id)[1] == 40


def test_repeated_import_changes_nothing(move: Move) -> None:
    move.run()
    before = dump_tables(*TABLES)

    move.run()

    assert dump_tables(*TABLES) == before


def test_repeated_import_with_a_later_rev_gets_a_later_one(move: Move) -> None:
    move.run()
    ahead_us = move.services.clock() + 3_600_000_000
    move.repo.rev = str(Tid.from_us(ahead_us, 0))

    move.run()

    assert move.services.repos.get_head(move.account.id).rev > move.repo.rev


def test_import_of_what_is_new_uses_what_is_here(move: Move) -> None:
    move.run()
    held = set(move.exported())
    newer = replace(move.repo, rev=NEWER_REV)
    newer.records = {**move.repo.records, f"{NOTE}/zz": dag_cbor.encode({"$type": NOTE})}
    del newer.records[f"{NOTE}/key00007"]
    car = newer.car(keep=lambda cid: cid not in held)

    move.run(car)

    assert move.services.repos.get_head(move.account.id).data == newer.nodes()[0]
    assert set(dict(newer.blocks())) - {newer.commit()[0]} < set(move.exported())


def test_odd_records_of_others_are_kept_byte_for_byte(move: Move) -> None:
    """What other servers have let in must not keep its owner out of here."""
    ref = cid_for_raw(b"\x00")
    file = {"$type": "blob", "ref": ref, "mimeType": "image/png", "size": 1}
    odd = {
        "deep": b"\xa1ad" + b"\x81" * 298 + b"\x80",
        "large": dag_cbor.encode({"text": "x" * 1_900_000}),
        "link": b"\xa1\x64link\xd8\x2a\x58\x23\x00\x12\x20" + bytes(32),
        "picture": b"\xa2\x64half\xf9\x38\x00" + dag_cbor.encode({"file": file})[1:],
    }
    move.repo.records |= {f"{NOTE}/{rkey}": block for rkey, block in odd.items()}

    move.run()
    move.newcomer.point_here(move.services)
    move.services.accounts.activate(move.account.did)

    exported = move.exported()
    assert {exported[cid_for_cbor(block)] for block in odd.values()} == set(odd.values())
    shown = {rkey: move.services.records.get(move.account.did, NOTE, rkey) for rkey in odd}
    assert all(dag_json.dumps(view.value) for view in shown.values())
    assert shown["picture"].value == {"half": 0.5, "file": file}
    missing, _ = move.services.blobs.list_missing(move.account, limit=10, cursor=None)
    assert [blob.cid for blob in missing] == [ref]
    writes = [Write("delete", NOTE, rkey) for rkey in odd]
    move.services.repos.apply_writes(move.services.accounts.get_account(move.account.did), writes)
    gone = {op["path"]: op["prev"] for op in read_events()[-1][1]["ops"]}
    assert gone == {f"{NOTE}/{rkey}": cid_for_cbor(block) for rkey, block in odd.items()}


def test_repo_signed_by_a_key_of_the_past_is_still_its_owner_s(move: Move) -> None:
    """As when the old server is gone: a new key in the DID document, an old copy of the repo."""
    old_copy = move.repo.car()
    operation = plc.build_update(
        move.newcomer.operation,
        signer=move.newcomer.key,
        verification_methods={"atproto": PrivateKey.generate().did_key},
    )
    assert move.services.local_plc is not None
    move.services.local_plc.submit(move.newcomer.did, operation)

    move.run(old_copy)

    assert move.services.repos.get_head(move.account.id).data == move.repo.nodes()[0]


def test_blob_references_are_noted_before_the_blobs_arrive(move: Move) -> None:
    typed, legacy, other = (cid_for_raw(bytes([n])) for n in range(3))
    value = {
        "$type": NOTE,
        "typed": {"$type": "blob", "ref": typed, "mimeType": "image/png", "size": 1},
        "legacy": [{"cid": str(legacy), "mimeType": "image/png"}],
        "odd": {"cid": str(cid_for_cbor(b"\xa0")), "mimeType": "image/png"},
        "text": f"mimeType {other}",
    }
    move.repo.records[f"{NOTE}/pictures"] = dag_cbor.encode(value)

    move.run()

    missing, _ = move.services.blobs.list_missing(move.account, limit=10, cursor=None)
    assert {blob.cid for blob in missing} == {typed, legacy}
    assert {blob.record_uri for blob in missing} == {f"at://{move.account.did}/{NOTE}/pictures"}
    move.services.blobs.upload(move.account, io.BytesIO(b"\x00"), "image/png")
    assert move.services.blobs.open_blob(move.account, typed).size_bytes == 1
    assert move.services.blobs.counts(move.account.id) == (2, 1)


def test_blobs_that_lost_their_record_go(services: Services, alice: Person) -> None:
    refs = [
        services.blobs.upload(alice.row, io.BytesIO(text), "text/plain") for text in (b"a", b"b")
    ]
    writes = [
        Write("create", NOTE, f"n{n}", {"$type": NOTE, "file": ref.to_value()})
        for n, ref in enumerate(refs)
    ]
    services.repos.apply_writes(alice.row, writes)
    repo = own_repo(services, alice)
    repo.records[f"{NOTE}/keeps"] = dag_cbor.encode({"$type": NOTE, "file": refs[0].to_value()})

    services.repo_import.import_repo(alice.row, repo.stream())

    with services.blobs.open_blob(alice.row, refs[0].cid).open(0, refs[0].size) as file:
        assert file.read() == b"a"
    assert database.rows("SELECT cid FROM blob") == [(refs[0].cid,)]


def test_likes_are_found_by_what_they_like(move: Move) -> None:
    uri = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3jzfcijpj2z2a"
    like = {"$type": "app.bsky.feed.like", "subject": {"uri": uri, "cid": "x"}}
    move.repo.records["app.bsky.feed.like/3jzfcijpj2z2b"] = dag_cbor.encode(like)

    move.run()

    found = records.find_by_link(move.account.id, "app.bsky.feed.like", uri)
    assert found == ["3jzfcijpj2z2b"]


def test_takedown_of_a_record_outlives_an_import(services: Services, alice: Person) -> None:
    repo = own_repo(services, alice)
    services.repo_import.import_repo(alice.row, repo.stream())
    with database.transaction():
        database.execute("UPDATE record SET takedown_ref = 'bad' WHERE rkey = 'key00005'")
    repo.records[f"{NOTE}/one-more"] = dag_cbor.encode({"$type": NOTE})

    services.repo_import.import_repo(alice.row, repo.stream())

    taken_down = database.rows("SELECT rkey FROM record WHERE takedown_ref = 'bad'")
    assert taken_down == [("key00005",)]


def test_commit_of_version_2_is_taken_over(move: Move) -> None:
    fields = {"did": move.repo.did, "version": 2, "data": move.repo.nodes()[0], "prev": None}
    signature = move.repo.key.sign(dag_cbor.encode(fields))
    root = encode({**fields, "sig": signature})
    move.run(write_car([root[0]], [root, *move.repo.blocks()]))

    commit = repo_roots.find_commit(move.account.id)
    assert commit is not None
    assert decode_commit(commit[2]).version == 3


def test_key_is_looked_up_anew_when_the_remembered_one_does_not_fit(move: Move) -> None:
    asked: list[bool] = []

    class Rotated:
        """Remembers a key that has been replaced since."""

        def signing_key_of(self, did: str, *, force: bool = False) -> str | None:
            asked.append(force)
            return move.newcomer.key.did_key if force else PrivateKey.generate().did_key

        def past_signing_keys(self, did: str) -> list[str]:
            return []

    parts = replace(move.services.repo_import._parts, identity=Rotated())
    importer = RepoImport(move.services.config.data_directory / "tmp", parts, move.services.clock)

    importer.import_repo(move.account, move.repo.stream())

    assert asked == [False, True]
    assert move.services.repos.counts(move.account.id)[1] == 40


# --- what happens meanwhile ---------------------------------------------------------------------


class Interrupted(io.BytesIO):
    """A request body during whose reception something else happens."""

    def __init__(self, content: bytes, happening: Callable[[], object]) -> None:
        super().__init__(content)
        self._happening: Callable[[], object] | None = happening

    def read(self, size: int | None = -1) -> bytes:
        happening, self._happening = self._happening, None
        if happening is not None:
            happening()
        return super().read(size)


def test_write_during_an_import_is_not_lost(services: Services, alice: Person) -> None:
    def write() -> None:
        services.repos.apply_writes(alice.row, [make_note("mine")])

    stream = Interrupted(own_repo(services, alice).car(), write)

    with pytest.raises(InvalidSwapError):
        services.repo_import.import_repo(alice.row, stream)

    assert records.find_record(alice.row.id, NOTE, "mine") is not None
    assert services.repos.counts(alice.row.id)[1] == 1


def test_second_import_at_the_same_time_is_refused(services: Services, alice: Person) -> None:
    repo = own_repo(services, alice)

    def import_again() -> None:
        with pytest.raises(InvalidRequestError, match="already"):
            services.repo_import.import_repo(alice.row, repo.stream())

    services.repo_import.import_repo(alice.row, Interrupted(repo.car(), import_again))

    assert services.repos.counts(alice.row.id)[1] == 40


def test_takedown_during_an_import_stops_it(services: Services, alice: Person) -> None:
    before = dump_tables(*TABLES)
    stream = Interrupted(own_repo(services, alice).car(), lambda: take_down(alice))

    with pytest.raises(AccountTakedownError):
        services.repo_import.import_repo(alice.row, stream)

    assert dump_tables(*TABLES) == before


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (import_staging.ImportStaging, "add_node"),
        (import_staging.ImportStaging, "references"),
        (repo_roots, "save_root"),
    ],
)
def test_crash_on_the_way_changes_nothing(
    move: Move, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    before = dump_tables(*TABLES)

    def crash(*_: Any) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(module, name, crash)
        with pytest.raises(RuntimeError, match="killed here"):
            move.run()

    assert dump_tables(*TABLES) == before
    move.run()
    assert move.services.repos.counts(move.account.id)[1] == 40


def test_staging_has_no_name_while_it_is_used(move: Move, tmp_path: Path) -> None:
    seen: list[list[Path]] = []
    stream = Interrupted(move.repo.car(), lambda: seen.append(list((tmp_path / "tmp").iterdir())))

    move.services.repo_import.import_repo(move.account, stream)

    assert seen == [[]]


def test_leftovers_of_a_killed_import_are_removed_at_start(
    services: Services, tmp_path: Path
) -> None:
    leftover = tmp_path / "tmp" / "import-0123.sqlite"
    other = tmp_path / "tmp" / "other"
    leftover.touch()
    other.touch()

    services.repo_import.cleanup_staging()

    assert not leftover.exists()
    assert other.exists()
