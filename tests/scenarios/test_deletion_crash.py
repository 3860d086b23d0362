"""kill -9 while an account is being deleted: it is there whole, or it is gone for good."""

from __future__ import annotations

import base64
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.firehose_frames import decode_frame
from tests.server_process import Account, HttpError, ServerProcess

POST = "app.bsky.feed.post"
ADMIN_PASSWORD = "swordfish"
DELAYS_S = (0.0, 0.01, 0.03, 0.08, 0.2, 0.5)
RECORDS = 2_000
BLOBS = 60
CLEAN_WITHIN_S = 30


def fill(account: Account) -> None:
    server = account.server
    for number in range(BLOBS):
        data = b"\xff\xd8\xff\xe0" + str(number).encode() + bytes(5_000)
        reply = server.post(
            "com.atproto.repo.uploadBlob", data, token=account.token, content_type="image/jpeg"
        )
        account.post("picture", embed=_images(reply["blob"]))
    for start in range(0, RECORDS, 200):
        writes = [_create(f"{start + number}") for number in range(200)]
        body = {"repo": account.did, "writes": writes}
        server.post("com.atproto.repo.applyWrites", body, token=account.token)


def _images(blob: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.embed.images", "images": [{"image": blob, "alt": ""}]}


def _create(text: str) -> dict[str, Any]:
    value = {"$type": POST, "text": text, "createdAt": "2026-01-01T00:00:00.000Z"}
    return {"$type": "com.atproto.repo.applyWrites#create", "collection": POST, "value": value}


def delete(server: ServerProcess, did: str) -> None:
    header = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {header}", "Content-Type": "application/json"}
    body = f'{{"did":"{did}"}}'.encode()
    server._send("POST", "/xrpc/com.atproto.admin.deleteAccount", None, body, headers)


def rows(data: Path, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / "pds.sqlite", timeout=10)) as connection:
        return connection.execute(sql, params).fetchall()


def wait_until_clean(data: Path) -> None:
    limit = time.monotonic() + CLEAN_WITHIN_S
    while rows(data, "SELECT 1 FROM deletion"):
        assert time.monotonic() < limit, "the clean-up does not come to an end"
        time.sleep(0.05)


def names_of(data: Path, did: str) -> dict[str, int]:
    """How many rows of which tables hold the DID."""
    counts = {}
    for (table,) in rows(data, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        found = [row for row in rows(data, f"SELECT * FROM {table}") if did in map(str, row)]
        if found:
            counts[table] = len(found)
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", DELAYS_S)
def test_deletion_that_is_killed_is_finished_by_the_next_start(
    tmp_path: Path, delay_s: float
) -> None:
    data = tmp_path / "data"
    with ServerProcess(data, settings={"PDS_ADMIN_PASSWORD": ADMIN_PASSWORD}) as server:
        account, bystander = server.create_account("alice"), server.create_account("bob")
        fill(account)
        [(account_id,)] = rows(data, "SELECT id FROM account WHERE did = ?", account.did)
        acknowledged = threading.Event()

        def send() -> None:
            with suppress(OSError):
                delete(server, account.did)
                acknowledged.set()

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(delay_s)
        server.kill()
        sender.join()

        server.start()
        if rows(data, "SELECT 1 FROM account WHERE did = ?", account.did):
            assert not acknowledged.is_set()
            account.post("still here")
            delete(server, account.did)
        wait_until_clean(data)

        assert names_of(data, account.did) == {"event": 1, "plc_operation": 1}
        for table in ("record", "record_blob", "block", "blob"):
            owned = f"SELECT count(*) FROM {table} WHERE account_id = ?"
            assert rows(data, owned, account_id) == [(0,)]
        assert sorted(path.name for path in (data / "blobs").iterdir()) == ["tmp"]
        [(frame,)] = rows(data, "SELECT frame FROM event WHERE did = ?", account.did)
        assert decode_frame(frame)[1]["status"] == "deleted"
        bystander.post("nothing happened to me")
        with pytest.raises(HttpError, match="RepoNotFound"):
            server.get("com.atproto.sync.getLatestCommit", did=account.did)
