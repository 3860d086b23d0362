"""Changing a repo: what is stored, what is announced, and that a refused change leaves no trace."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.blob_ref import BlobRef
from pds.atproto.cid import Cid, cid_for_cbor, cid_for_raw
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.firehose_frames import decode_frame
from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.validate import Validator
from pds.atproto.mst.check import verify_tree
from pds.errors import (
    AccountDeactivatedError,
    AccountTakedownError,
    BlobNotFoundError,
    InvalidMimeTypeError,
    InvalidRequestError,
    InvalidSizeError,
    InvalidSwapError,
    RecordExistsError,
)
from pds.services.blobs import Blobs
from pds.services.keys import SigningKeys
from pds.services.node_source import NodeSource
from pds.services.record_writes import Swap, Write
from pds.services.repo_locks import RepoLocks
from pds.services.repos import Repos
from pds.services.sequencer import Sequencer
from pds.storage import accounts, blocks, database, events, migrate, records
from pds.storage.accounts import AccountRow, NewAccountRow
from pds.storage.blob_files import BlobFiles
from pds.storage.blob_locks import BlobLocks
from tests.firehose_consumer import Consumer

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
POST = "app.bsky.feed.post"
LIKE = "app.bsky.feed.like"
VALIDATOR = Validator(Catalog.installed())
PICTURE = b"\xff\xd8\xff\xe0" + bytes(500)
OTHER_CID = cid_for_cbor(b"\xa0")


class Clock:
    def __init__(self) -> None:
        self.now_us = 1_700_000_000_000_000

    def __call__(self) -> int:
        self.now_us += 1_000
        return self.now_us


@dataclass
class Stage:
    """One account with a repo, and the services that change it."""

    repos: Repos
    blobs: Blobs
    account: AccountRow
    key: PrivateKey

    def state(self) -> tuple[Any, ...]:
        """Everything a write may change."""
        return (
            self.repos.get_head(self.account.id),
            events.last_seq(),
            database.rows("SELECT collection, rkey, cid, rev FROM record ORDER BY 1, 2"),
            database.rows("SELECT cid, rev FROM block ORDER BY 1"),
            database.rows("SELECT * FROM record_blob ORDER BY 1, 2, 3, 4"),
        )

    def consumer(self) -> Consumer:
        """A strict consumer that has read the whole log."""
        document = {
            "id": DID,
            "verificationMethod": [
                {
                    "id": f"{DID}#atproto",
                    "type": "Multikey",
                    "controller": DID,
                    "publicKeyMultibase": self.key.did_key.removeprefix("did:key:"),
                }
            ],
        }
        consumer = Consumer(lambda did: document)
        for _, frame in events.frames_between(0, events.last_seq(), 1_000_000_000):
            consumer.accept(frame)
        return consumer


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    database.open_database(tmp_path / "pds.sqlite")
    migrate.migrate()
    clock = Clock()
    keys = SigningKeys(PrivateKey.generate())
    sequencer = Sequencer(clock, retention_us=10**15)
    blobs = Blobs(
        BlobFiles(tmp_path / "blobs"),
        BlobLocks(tmp_path / "blobs.lock"),
        clock=clock,
        upload_limit_bytes=1_000_000,
    )
    repos = Repos(
        keys=keys,
        sequencer=sequencer,
        blobs=blobs,
        validator=VALIDATOR,
        nodes=NodeSource(),
        clock=clock,
        locks=RepoLocks(),
    )
    key = PrivateKey.generate()
    first = repos.initial(DID, key)
    with database.transaction():
        account_id = accounts.insert(
            NewAccountRow(DID, "alice.test", None, None, "2026-01-01T00:00:00.000Z")
        )
        keys.store(account_id, key)
        repos.store_initial(account_id, first)
        sequencer.append(DID, _commit_event(first))
    account = accounts.find_by_id(account_id)
    assert account is not None
    yield Stage(repos, blobs, account, key)
    database.close_database()


def _commit_event(change: Any) -> Any:
    from pds.atproto.firehose_frames import CommitEvent

    return CommitEvent(change)


def read_block(account_id: int, cid: Cid) -> bytes:
    content = blocks.find_block(account_id, cid)
    assert content is not None
    return content


def post(rkey: str, text: str = "hello", **rest: Any) -> Write:
    value = {"text": text, "createdAt": "2026-01-01T00:00:00.000Z", **rest}
    return Write("create", POST, rkey, value)


def delete(rkey: str, **rest: Any) -> Write:
    return Write("delete", POST, rkey, **rest)


def like(rkey: str, uri: str) -> Write:
    value = {
        "subject": {"uri": uri, "cid": str(OTHER_CID)},
        "createdAt": "2026-01-01T00:00:00.000Z",
    }
    return Write("create", LIKE, rkey, value, replaces_linked=True)


def picture_post(rkey: str, blob: BlobRef) -> Write:
    images = [{"image": blob.to_value(), "alt": ""}]
    return post(rkey, embed={"$type": "app.bsky.embed.images", "images": images})


RKEYS = [f"3jzfcijpj2z{letter}a" for letter in "abcdefghij"]


def test_create_stores_the_record_and_announces_one_commit(stage: Stage) -> None:
    result = stage.repos.apply_writes(stage.account, [post(RKEYS[0])])

    found = records.find_record(stage.account.id, POST, RKEYS[0])
    assert found is not None
    assert found[0] == result.results[0].cid == cid_for_cbor(found[1])
    assert result.results[0].validation_status == "valid"
    assert result.results[0].uri == f"at://{DID}/{POST}/{RKEYS[0]}"
    head = stage.repos.get_head(stage.account.id)
    assert (head.commit, head.rev) == (result.cid, result.rev)
    consumer = stage.consumer()
    assert consumer.counts == {"#commit": 2}
    assert consumer.repos[DID].records == {f"{POST}/{RKEYS[0]}": found[0]}


def test_block_table_holds_exactly_the_nodes_of_the_tree(stage: Stage) -> None:
    stage.repos.apply_writes(stage.account, [post(rkey) for rkey in RKEYS])
    stage.repos.apply_writes(stage.account, [delete(rkey) for rkey in RKEYS[3:6]])

    head = stage.repos.get_head(stage.account.id)
    source = partial(read_block, stage.account.id)
    tree = verify_tree(source, head.data)
    paths = [path for path, _ in tree]
    assert paths == [f"{POST}/{rkey}" for rkey in RKEYS[:3] + RKEYS[6:]]
    stored = {Cid(row[0]) for row in database.rows("SELECT cid FROM block")}
    reachable = set()

    def collect(cid: Cid) -> bytes:
        reachable.add(cid)
        return source(cid)

    assert len(list(verify_tree(collect, head.data))) == len(paths)
    assert stored == reachable


def test_missing_type_is_filled_and_another_refused(stage: Stage) -> None:
    stage.repos.apply_writes(stage.account, [post(RKEYS[0])])
    wrong = Write("create", POST, RKEYS[1], {"$type": LIKE}, validate=False)
    with pytest.raises(InvalidRequestError, match=r"Invalid \$type: expected app.bsky.feed.post"):
        stage.repos.apply_writes(stage.account, [wrong])


REFUSED: list[tuple[str, list[Write], type[Exception]]] = [
    ("schema", [Write("create", POST, RKEYS[1], {"text": 5})], InvalidRequestError),
    ("key of another kind", [post("self")], InvalidRequestError),
    ("key syntax", [post("no/slash")], InvalidRequestError),
    ("collection syntax", [Write("create", "nope", "a", {}, validate=False)], InvalidRequestError),
    ("unknown schema", [Write("create", "org.x.y", "a", {}, validate=True)], InvalidRequestError),
    (
        "too large",
        [Write("create", "org.x.y", "a", {"t": "x" * 1_000_001})],
        InvalidRequestError,
    ),
    ("taken key", [post(RKEYS[0])], RecordExistsError),
    ("taken key in a batch", [post(RKEYS[1]), post(RKEYS[0])], RecordExistsError),
    ("twice in a batch", [post(RKEYS[1]), post(RKEYS[1], "b")], RecordExistsError),
    (
        "update of nothing",
        [post(RKEYS[1]), Write("update", POST, RKEYS[2], {"text": "", "createdAt": "2026"})],
        InvalidRequestError,
    ),
    ("delete of nothing in a batch", [post(RKEYS[1]), delete(RKEYS[2])], InvalidRequestError),
    ("delete of nothing", [delete(RKEYS[2])], InvalidRequestError),
    ("too many", [post(f"3jzfcijpj2{n:03}"[:13]) for n in range(201)], InvalidRequestError),
    ("put in a batch", [Write("put", "org.x.y", "a", {}), post(RKEYS[1])], InvalidRequestError),
    ("event too large", [Write("create", "org.x.y", f"k{n}", {"t": f"{n}" * 900_000})
                         for n in range(3)], InvalidRequestError),
    ("legacy blob", [post(RKEYS[1], x={"cid": str(cid_for_raw(b"a")), "mimeType": "image/png"})],
     InvalidRequestError),
    ("create that must replace", [Write("create", "org.x.y", "a", {}, swap=Swap(OTHER_CID))],
     InvalidSwapError),
    ("put of something taken", [Write("put", POST, RKEYS[0], {"text": "n", "createdAt":
     "2026-01-01T00:00:00Z"}, swap=Swap(None))], InvalidSwapError),
    ("stale delete", [delete(RKEYS[0], swap=Swap(OTHER_CID))], InvalidSwapError),
    ("stale delete of nothing", [delete(RKEYS[1], swap=Swap(OTHER_CID), skips_no_op=True)],
     InvalidSwapError),
]  # fmt: skip


@pytest.mark.parametrize(
    ("writes", "error"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_refused_write_changes_nothing(
    stage: Stage, writes: list[Write], error: type[Exception]
) -> None:
    stage.repos.apply_writes(stage.account, [post(RKEYS[0])])
    before = stage.state()
    with pytest.raises(error):
        stage.repos.apply_writes(stage.account, writes)
    assert stage.state() == before


def test_stale_swap_commit_changes_nothing(stage: Stage) -> None:
    before = stage.state()
    with pytest.raises(InvalidSwapError, match=f"Commit was at {before[0].commit}"):
        stage.repos.apply_writes(stage.account, [post(RKEYS[0])], swap_commit=OTHER_CID)
    assert stage.state() == before

    stage.repos.apply_writes(stage.account, [post(RKEYS[0])], swap_commit=before[0].commit)


def test_put_creates_then_updates_then_leaves_alone(stage: Stage) -> None:
    def put(text: str, **rest: Any) -> Write:
        value = {"text": text, "createdAt": "2026-01-01T00:00:00Z"}
        return Write("put", POST, RKEYS[0], value, **rest)

    first = stage.repos.apply_writes(stage.account, [put("a", swap=Swap(None))])
    second = stage.repos.apply_writes(stage.account, [put("b", swap=Swap(first.results[0].cid))])
    before = stage.state()
    third = stage.repos.apply_writes(stage.account, [put("b")])

    assert third.cid is None
    assert third.results[0].cid == second.results[0].cid
    assert stage.state() == before
    with pytest.raises(InvalidSwapError):
        stage.repos.apply_writes(stage.account, [put("b", swap=Swap(first.results[0].cid))])
    ops = [
        op["action"]
        for _, frame in events.frames_between(0, 100, 10**9)
        for op in decode_frame(frame)[1]["ops"]
    ]
    assert ops == ["create", "update"]


def test_delete_of_a_missing_record_is_no_commit_when_asked_so(stage: Stage) -> None:
    before = stage.state()
    result = stage.repos.apply_writes(stage.account, [delete(RKEYS[0], skips_no_op=True)])
    assert result.cid is None
    assert stage.state() == before


def test_batch_is_reduced_to_its_net_effect(stage: Stage) -> None:
    stage.repos.apply_writes(stage.account, [post(RKEYS[0], "old")])
    stage.repos.apply_writes(
        stage.account,
        [
            delete(RKEYS[0]),
            post(RKEYS[0], "new"),
            post(RKEYS[1]),
            delete(RKEYS[1]),
            post(RKEYS[2]),
        ],
    )
    assert records.find_record(stage.account.id, POST, RKEYS[1]) is None
    replaced = records.find_record(stage.account.id, POST, RKEYS[0])
    assert replaced is not None
    assert b"new" in replaced[1]
    consumer = stage.consumer()
    assert set(consumer.repos[DID].records) == {f"{POST}/{RKEYS[0]}", f"{POST}/{RKEYS[2]}"}


def test_empty_batch_makes_an_empty_commit(stage: Stage) -> None:
    before = stage.repos.get_head(stage.account.id)
    result = stage.repos.apply_writes(stage.account, [])
    after = stage.repos.get_head(stage.account.id)
    assert result.cid == after.commit != before.commit
    assert after.data == before.data
    assert stage.consumer().counts == {"#commit": 2}


def test_liking_again_replaces_the_older_like(stage: Stage) -> None:
    uri = f"at://{DID}/{POST}/{RKEYS[0]}"
    other = f"at://{DID}/{POST}/{RKEYS[1]}"
    stage.repos.apply_writes(stage.account, [like(RKEYS[0], uri)])
    stage.repos.apply_writes(stage.account, [like(RKEYS[1], other)])
    stage.repos.apply_writes(stage.account, [like(RKEYS[2], uri)])

    kept = stage.consumer().repos[DID].records
    assert set(kept) == {f"{LIKE}/{RKEYS[1]}", f"{LIKE}/{RKEYS[2]}"}


def test_blob_must_be_uploaded_and_described_as_it_is(stage: Stage) -> None:
    missing = BlobRef(cid_for_raw(b"never uploaded"), "image/jpeg", 14)
    before = stage.state()
    with pytest.raises(BlobNotFoundError):
        stage.repos.apply_writes(stage.account, [picture_post(RKEYS[0], missing)])
    blob = stage.blobs.upload(stage.account, io.BytesIO(PICTURE), "image/jpeg")
    wrong = BlobRef(blob.cid, "image/png", blob.size)
    with pytest.raises(InvalidMimeTypeError):
        stage.repos.apply_writes(stage.account, [picture_post(RKEYS[0], wrong)])
    wrong = BlobRef(blob.cid, blob.mime_type, blob.size + 1)
    with pytest.raises(InvalidSizeError):
        stage.repos.apply_writes(stage.account, [picture_post(RKEYS[0], wrong)])
    assert stage.state() == before


def test_blob_lives_as_long_as_a_record_needs_it(stage: Stage) -> None:
    blob = stage.blobs.upload(stage.account, io.BytesIO(PICTURE), "image/jpeg")
    stage.repos.apply_writes(stage.account, [picture_post(RKEYS[0], blob)])
    stage.repos.apply_writes(stage.account, [picture_post(RKEYS[1], blob)])
    stage.repos.apply_writes(stage.account, [delete(RKEYS[0])])
    with stage.blobs.open_blob(stage.account, blob.cid).open(0, blob.size) as file:
        assert file.read() == PICTURE

    stage.repos.apply_writes(stage.account, [delete(RKEYS[1])])
    with pytest.raises(BlobNotFoundError):
        stage.blobs.open_blob(stage.account, blob.cid)


def test_account_that_became_inactive_meanwhile_is_refused(stage: Stage) -> None:
    with database.transaction():
        accounts.set_deactivated(stage.account.id, "2026-01-01T00:00:00.000Z", None)
    before = stage.state()
    with pytest.raises(AccountDeactivatedError):
        stage.repos.apply_writes(stage.account, [post(RKEYS[0])])
    with database.transaction():
        accounts.set_takedown(stage.account.id, "1")
    with pytest.raises(AccountTakedownError):
        stage.repos.apply_writes(stage.account, [post(RKEYS[0])])
    assert stage.state() == before


def test_concurrent_writers_of_one_repo_make_one_chain(stage: Stage) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(10):
                stage.repos.apply_writes(
                    stage.account, [post(stage.repos.next_rkey(), f"{number}")]
                )
        except BaseException as error:
            failures.append(error)
        finally:
            database.close_thread_connection()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    consumer = stage.consumer()
    assert len(consumer.repos[DID].records) == 60
    assert consumer.counts == {"#commit": 61}


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_hasty_threads")
def test_keys_made_at_the_same_moment_differ(stage: Stage) -> None:
    stage.repos._clock = lambda: 1_700_000_000_000_000
    keys: list[str] = []

    def work() -> None:
        keys.extend(stage.repos.next_rkey() for _ in range(500))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(keys)) == 2_000


def test_rev_rises_although_the_clock_goes_back(stage: Stage) -> None:
    first = stage.repos.apply_writes(stage.account, [post(RKEYS[0])])
    assert isinstance(stage.repos._clock, Clock)
    stage.repos._clock.now_us -= 10**12
    second = stage.repos.apply_writes(stage.account, [post(RKEYS[1])])
    assert first.rev is not None
    assert second.rev is not None
    assert second.rev > first.rev
    stage.consumer()


def test_recommit_signs_the_same_tree_with_another_key(stage: Stage) -> None:
    stage.repos.apply_writes(stage.account, [post(RKEYS[0])])
    before = stage.repos.get_head(stage.account.id)
    key = PrivateKey.generate()
    with stage.repos.repo_lock(stage.account.id), database.transaction():
        change = stage.repos.recommit_in_transaction(stage.account, key)
    after = stage.repos.get_head(stage.account.id)
    assert after.commit == change.commit != before.commit
    assert (after.data, change.since) == (before.data, before.rev)
