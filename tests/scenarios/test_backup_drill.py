"""The disaster drill: backed up while eight write, the machine lost, restored on another one."""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.firehose_consumer import Consumer
from tests.operator_process import ask
from tests.server_process import Account, ServerProcess
from tests.writers import Writer, posts_of

WRITERS = 8
PAUSE_S = 0.03  # after each write, or there is more to follow at the end than a test needs


@pytest.mark.slow
def test_nothing_acknowledged_before_the_backup_is_lost(tmp_path: Path) -> None:
    data, place = tmp_path / "data", tmp_path / "other disk" / "backups"
    with ServerProcess(data) as server:
        consumer = Consumer(lambda did: _document(server, did))
        writers = [
            Writer(server.create_account(f"writer{n}"), pause_s=PAUSE_S) for n in range(WRITERS)
        ]
        threads = [threading.Thread(target=writer.run, daemon=True) for writer in writers]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        before = [(dict(writer.records), dict(writer.blobs)) for writer in writers]
        made = ask("backup", "create", "--to", str(place), data=data)
        time.sleep(0.5)
        after = sum(len(writer.records) for writer in writers)

        # A relay has seen everything up to here, more than the backup knows.
        marker = writers[0].account.post("the last that relays saw")
        last = (writers[0].account.did, marker["commit"]["rev"])
        consumer.follow(server.url, until=lambda: last in consumer.commits)
        server.kill()
        for thread in threads:
            thread.join()
        assert [writer.failure for writer in writers] == [None] * WRITERS

    assert after > sum(len(records) for records, _ in before) > WRITERS
    assert made["lastSeq"] < consumer.last_seq
    assert ask("backup", "verify", "--from", str(place), data=data)["good"]
    shutil.rmtree(data)

    new = tmp_path / "new machine"
    done = ask("backup", "restore", "--yes", "--from", str(place), data=new)
    assert done["accounts"] == WRITERS
    with ServerProcess(new) as restored:
        for writer, (records, blobs) in zip(writers, before, strict=True):
            account = Account(restored, writer.account.did, "", writer.account.token)
            stored = posts_of(account)
            assert records.items() <= stored.items()
            assert stored.items() <= writer.records.items()
            for cid, content in blobs.items():
                served = restored.get("com.atproto.sync.getBlob", did=account.did, cid=cid)
                assert served == content
            account.post("after the restore")  # sessions are as they were, too
        _relay_goes_on(restored, consumer, writers)


def _relay_goes_on(restored: ServerProcess, consumer: Consumer, writers: list[Writer]) -> None:
    """It takes the new stream from where it was: #sync for each repo, then what follows."""
    syncs, seen = consumer.counts.get("#sync", 0), consumer.last_seq
    consumer.fetch_document = lambda did: _document(restored, did)
    marker = Account(restored, writers[0].account.did, "", writers[0].account.token).post("marker")
    last = (writers[0].account.did, marker["commit"]["rev"])
    consumer.follow(restored.url, until=lambda: last in consumer.commits)

    assert consumer.counts["#sync"] == syncs + WRITERS
    assert consumer.last_seq > seen
    assert "OutdatedCursor" not in consumer.infos


def _document(server: ServerProcess, did: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/{did}", timeout=10) as reply:
        document: dict[str, Any] = json.loads(reply.read())
        return document
