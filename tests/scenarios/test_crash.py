"""kill -9 at random moments: nothing acknowledged is lost, nothing half-done is announced."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.cid import cid_for_raw
from tests.fakes.s3_server import S3Server, s3_settings
from tests.firehose_consumer import Consumer
from tests.server_process import Account, HttpError, ServerProcess
from tests.writers import POST, posts_of

ROUNDS = 20
WRITERS = 8


@dataclass
class Written:
    """What the server has acknowledged to one writer."""

    records: dict[str, str] = field(default_factory=dict)  # rkey → cid
    revs: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)


class Writer(threading.Thread):
    """Writes until the server goes away, with now and then a picture, an update, a delete."""

    def __init__(self, account: Account, written: Written, seed: int) -> None:
        super().__init__(daemon=True)
        self._account = account
        self._written = written
        self._random = random.Random(seed)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self._write()
        except (OSError, ConnectionError):
            return  # the kill
        except BaseException as error:
            self.failure = error

    def _write(self) -> None:
        choice = self._random.random()
        rkeys = sorted(self._written.records)
        if choice < 0.15:
            self._write_picture()
        elif choice < 0.25 and rkeys:
            self._delete_record(self._random.choice(rkeys))
        else:
            self._created(self._account.post(f"post {self._random.random()}"))

    def _write_picture(self) -> None:
        data = b"\xff\xd8\xff\xe0" + self._random.randbytes(self._random.randrange(1000, 60_000))
        server = self._account.server
        reply = server.post(
            "com.atproto.repo.uploadBlob",
            data,
            token=self._account.token,
            content_type="image/jpeg",
        )
        image = {"image": reply["blob"], "alt": ""}
        embed = {"$type": "app.bsky.embed.images", "images": [image]}
        self._created(self._account.post("picture", embed=embed))
        self._written.blobs.append(str(cid_for_raw(data)))

    def _delete_record(self, rkey: str) -> None:
        body = {"repo": self._account.did, "collection": POST, "rkey": rkey}
        # Unknown until acknowledged: gone or not, both are right after a crash.
        cid = self._written.records.pop(rkey)
        try:
            reply = self._account.server.post(
                "com.atproto.repo.deleteRecord", body, token=self._account.token
            )
        except HttpError:
            self._written.records[rkey] = cid
            raise
        self._written.revs.append(reply["commit"]["rev"])

    def _created(self, reply: Any) -> None:
        self._written.records[reply["uri"].rpartition("/")[2]] = reply["cid"]
        self._written.revs.append(reply["commit"]["rev"])


@pytest.mark.slow
def test_twenty_kills_under_eight_writers_lose_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # shown by pytest when the test fails
    with ServerProcess(tmp_path / "data") as server:
        kill_again_and_again(server, seed)
        assert server.stop() == 0


@pytest.mark.slow
def test_kills_with_pictures_in_a_bucket_lose_none(tmp_path: Path, s3_server: S3Server) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # shown by pytest when the test fails
    settings = s3_settings(s3_server.new_bucket(), s3_server.port)
    environ = {f"PDS_{name.upper()}": value for name, value in settings.items()}
    with ServerProcess(tmp_path / "data", settings=environ) as server:
        kill_again_and_again(server, seed, rounds=6)
        assert server.stop() == 0


def kill_again_and_again(server: ServerProcess, seed: int, rounds: int = ROUNDS) -> None:
    chance = random.Random(seed)
    consumer = Consumer(lambda did: _document(server, did))
    accounts = [server.create_account(f"writer{n}") for n in range(WRITERS)]
    written = [Written() for _ in accounts]

    for round_number in range(rounds):
        writers = [
            Writer(account, done, seed + round_number * WRITERS + n)
            for n, (account, done) in enumerate(zip(accounts, written, strict=True))
        ]
        for writer in writers:
            writer.start()
        time.sleep(chance.uniform(0.1, 0.7))
        server.kill()
        for writer in writers:
            writer.join()
            assert writer.failure is None, writer.failure
        server.start()
        _check(server, consumer, accounts, written)

    assert sum(len(done.revs) for done in written) > rounds * WRITERS


def _check(
    server: ServerProcess, consumer: Consumer, accounts: list[Account], written: list[Written]
) -> None:
    # One more write gives the number up to which the log must replay.
    marker = accounts[0].post("marker")
    written[0].records[marker["uri"].rpartition("/")[2]] = marker["cid"]
    last = (accounts[0].did, marker["commit"]["rev"])
    consumer.follow(server.url, until=lambda: last in consumer.commits)
    for account, done in zip(accounts, written, strict=True):
        seen = {
            path.partition("/")[2]: str(cid)
            for path, cid in consumer.repos[account.did].records.items()
        }
        stored = posts_of(account)
        assert seen == stored, "the log and the repo tell the same story"
        assert done.records.items() <= stored.items(), "every acknowledged record is there"
        assert {(account.did, rev) for rev in done.revs} <= consumer.commits
        for cid in done.blobs[-3:]:
            if cid in _listed_blobs(server, account):
                blob = server.get("com.atproto.sync.getBlob", did=account.did, cid=cid)
                assert str(cid_for_raw(blob)) == cid
    _check_blob_files(server.data / "blobs")


def _check_blob_files(blobs: Path) -> None:
    """Every file is whole, and none is left over from an upload that was cut off."""
    for file in blobs.rglob("*"):
        if file.is_file():
            assert file.parent.name.startswith("did:"), f"left over: {file}"
            assert str(cid_for_raw(file.read_bytes())) == file.name, f"half a blob: {file}"


def _listed_blobs(server: ServerProcess, account: Account) -> set[str]:
    return set(server.get("com.atproto.sync.listBlobs", did=account.did, limit=1000)["cids"])


def _document(server: ServerProcess, did: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/{did}", timeout=10) as reply:
        document: dict[str, Any] = json.loads(reply.read())
        return document
