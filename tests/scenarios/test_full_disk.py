"""A disk without room: what is refused, what goes on, and that nothing breaks."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.services.disk_guard import Room
from tests.factories import Person
from tests.server_process import Account, HttpError, ServerProcess

if TYPE_CHECKING:
    from tests.stage import Stage

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2_000)
MIB = 1024 * 1024
BOUNDS = ("PDS_DISK_WARN_MIB", "PDS_DISK_FULL_MIB", "PDS_DISK_READ_ONLY_MIB")


def leave_free(stage: Stage, mib: int) -> None:
    """From now on there seems to be no more room than this."""
    guard = stage.services.disk_guard
    guard._look = lambda _directory: Room(mib * MIB, 10_000 * MIB)
    guard._looked_at_us = 0


def new_post(by: Person) -> dict[str, object]:
    record = {"text": "small", "createdAt": "2026-01-01T00:00:00Z"}
    return {"repo": by.did, "collection": "app.bsky.feed.post", "record": record}


def test_nearly_full_disk_refuses_sign_ups(stage: Stage) -> None:
    leave_free(stage, 300)
    new = {"handle": "new.test", "email": "new@example.com", "password": "pass-word"}

    answer = stage.post("com.atproto.server.createAccount", new)

    assert (answer.status, answer.json["error"]) == (503, "NotEnoughResources")
    assert "nearly full" in answer.json["message"]


def test_nearly_full_disk_takes_records(stage: Stage, alice: Person) -> None:
    leave_free(stage, 300)

    stage.ok("com.atproto.repo.createRecord", new_post(alice), by=alice)


@pytest.mark.parametrize(
    ("nsid", "kind"),
    [
        ("com.atproto.repo.uploadBlob", "image/png"),
        ("com.atproto.repo.importRepo", "application/vnd.ipld.car"),
    ],
)
def test_nearly_full_disk_keeps_no_large_bodies(
    stage: Stage, alice: Person, nsid: str, kind: str
) -> None:
    leave_free(stage, 300)
    headers = {"Authorization": f"Bearer {alice.access_jwt}", "Content_Type": kind}

    answer = stage.web.post(f"/xrpc/{nsid}", PICTURE, **headers)

    assert (answer.status, answer.json["error"]) == (503, "NotEnoughResources")


def test_on_a_full_disk_members_read_and_stay_signed_in_but_change_nothing(
    stage: Stage, alice: Person
) -> None:
    leave_free(stage, 100)

    answer = stage.post("com.atproto.repo.createRecord", new_post(alice), by=alice)

    assert (answer.status, answer.json["error"]) == (503, "NotEnoughResources")
    assert answer.headers["retry-after"]
    assert stage.is_signed_in(alice)
    assert stage.may_log_in(alice, alice.password)
    assert stage.web.get(f"/xrpc/com.atproto.sync.getRepo?did={alice.did}").status == 200


# --- in earnest -----------------------------------------------------------------------------------


@contextmanager
def small_disk(directory: Path, mib: int) -> Iterator[Path]:
    """A file system of its own in a file; only root can have one."""
    tools = [shutil.which(name) for name in ("mkfs.ext4", "mount", "umount")]
    if os.geteuid() != 0 or None in tools:
        pytest.skip("only root can mount a small disk, with e2fsprogs")
    image, where = directory / "disk.img", directory / "disk"
    where.mkdir()
    with image.open("wb") as file:
        file.truncate(mib * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop", image, where], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting is not possible here: {mounted.stderr.decode().strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("guarded", [True, False], ids=["guard", "no guard"])
def test_disk_that_fills_up_during_writes(tmp_path: Path, *, guarded: bool) -> None:
    """With the guard it never gets to SQLite; without it, SQLite has to take it, too."""
    bounds = ("40", "24", "12") if guarded else ("0", "0", "0")
    with small_disk(tmp_path, 64) as disk:
        settings = dict(zip(BOUNDS, bounds, strict=True))
        with ServerProcess(disk / "data", settings=settings) as server:
            writers = [_Writer(server.create_account(f"writer{n}")) for n in range(4)]
            for writer in writers:
                writer.start()
            time.sleep(1)
            ballast = disk / "ballast"
            _fill(ballast)
            _until(lambda: all(writer.refusals > 3 for writer in writers))

            # Reads go on.
            for writer in writers:
                found = server.get("com.atproto.sync.getRepo", did=writer.account.did)
                assert len(found) > 100
            assert {status for writer in writers for status in writer.statuses} <= {200, 503}

            ballast.unlink()
            before = [len(writer.records) for writer in writers]
            _until(
                lambda: all(
                    len(writer.records) > count
                    for writer, count in zip(writers, before, strict=True)
                )
            )
            for writer in writers:
                writer.end()
                listed = _records(writer.account)
                assert set(writer.records) <= listed
            assert server.stop() == 0
        with closing(sqlite3.connect(disk / "data" / "pds.sqlite")) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


class _Writer(threading.Thread):
    def __init__(self, account: Account) -> None:
        super().__init__(daemon=True)
        self.account = account
        self.records: list[str] = []
        self.statuses: set[int] = set()
        self.refusals = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(0.01):
            try:
                written = self.account.post("x" * 280)
            except HttpError as error:
                self.statuses.add(error.status)
                self.refusals += 1
                self._stopping.wait(0.1)
            else:
                self.statuses.add(200)
                self.records.append(written["uri"].rpartition("/")[2])

    def end(self) -> None:
        self._stopping.set()
        self.join()


def _records(account: Account) -> set[str]:
    found: set[str] = set()
    cursor: dict[str, str] = {}
    while True:
        page = account.server.get(
            "com.atproto.repo.listRecords",
            repo=account.did,
            collection="app.bsky.feed.post",
            limit=100,
            **cursor,
        )
        found |= {record["uri"].rpartition("/")[2] for record in page["records"]}
        if len(page["records"]) < 100:
            return found
        cursor = {"cursor": page["cursor"]}


def _fill(file: Path) -> None:
    """Take all the room that is left."""
    with file.open("wb", buffering=0) as ballast:
        size = MIB
        while size >= 1024:
            try:
                ballast.write(b"x" * size)
            except OSError:
                size //= 2


def _until(is_so: object, limit_s: float = 60) -> None:
    assert callable(is_so)
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_disk_of_the_pictures_that_has_become_read_only(tmp_path: Path) -> None:
    """What a dying SD card does: it can be read and no longer written."""
    with small_disk(tmp_path, 64) as disk:
        settings = dict.fromkeys(BOUNDS, "0") | {"PDS_BLOBSTORE_DISK_LOCATION": str(disk / "blobs")}
        with ServerProcess(tmp_path / "data", settings=settings) as server:
            alice = server.create_account("alice")
            picture = _upload(alice, PICTURE)
            image = {"alt": "", "image": picture}
            alice.post("seen", embed={"$type": "app.bsky.embed.images", "images": [image]})
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

            with pytest.raises(HttpError) as refused:
                _upload(alice, PICTURE + b"another")

            assert refused.value.status == 503
            assert refused.value.body == {
                "error": "NotEnoughResources",
                "message": "The server's disk does not work at the moment; tell whoever runs it",
            }
            assert "Read-only file system" in server.log.read_text()
            alice.post("words need no picture")
            link = picture["ref"]["$link"]
            assert server.get("com.atproto.sync.getBlob", did=alice.did, cid=link) == PICTURE

            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            _upload(alice, PICTURE + b"another")
            assert server.stop() == 0


def _upload(account: Account, content: bytes) -> Any:
    reply = account.server.post(
        "com.atproto.repo.uploadBlob", content, token=account.token, content_type="image/png"
    )
    return reply["blob"]
