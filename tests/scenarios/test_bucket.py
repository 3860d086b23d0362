"""The whole server with its pictures in a bucket, also while the bucket's service is in trouble."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.config import Config
from pds.services.record_writes import Write
from tests.factories import Person, make_config
from tests.fakes import s3_server as lines
from tests.fakes.s3_server import BadLine, S3Server, s3_settings
from tests.leftovers import all_rows
from tests.server_process import ServerProcess, free_port
from tests.stage import Stage
from tests.web.harness import Answer, read_all

if TYPE_CHECKING:
    from pds.services import Services

NOTE = "com.example.note"
GET = "/xrpc/com.atproto.sync.getBlob"


@pytest.fixture
def line(s3_server: S3Server) -> Iterator[BadLine]:
    with BadLine(s3_server.port).running() as line:
        yield line


@pytest.fixture
def config(tmp_path: Path, s3_server: S3Server, line: BadLine) -> Config:
    patience = {"request_timeout_ms": "1000", "upload_timeout_ms": "2000"}
    settings = s3_settings(s3_server.new_bucket(), line.port, **patience)
    return make_config(tmp_path, threads="4", blob_upload_limit="20000000", **settings)


@pytest.fixture
def keys(s3_server: S3Server, config: Config) -> Any:
    """What is in the bucket."""
    return lambda: s3_server.keys(config.blobstore_s3_bucket or "")


def upload(stage: Stage, person: Person, content: bytes) -> Answer:
    headers = {"Authorization": f"Bearer {person.access_jwt}", "Content_Type": "image/x-test"}
    return stage.web.post("/xrpc/com.atproto.repo.uploadBlob", content, **headers)


def publish(stage: Stage, person: Person, content: bytes, rkey: str = "a") -> str:
    """Upload a blob and use it in a record; the path to fetch it."""
    answer = upload(stage, person, content)
    assert answer.status == 200, answer.body
    blob = answer.json["blob"]
    write = {"repo": person.did, "collection": NOTE, "rkey": rkey}
    stage.ok("com.atproto.repo.putRecord", {**write, "record": {"file": blob}}, by=person)
    return f"{GET}?did={person.did}&cid={blob['ref']['$link']}"


def persist(stage: Stage, person: Person, content: bytes, rkey: str) -> str:
    """Like ``publish``, as often as the blob is gone before the record is there."""
    for _ in range(20):
        blob = upload(stage, person, content).json["blob"]
        write = {"repo": person.did, "collection": NOTE, "rkey": rkey, "record": {"file": blob}}
        answer = stage.post("com.atproto.repo.putRecord", write, by=person)
        if answer.status == 200:
            return f"{GET}?did={person.did}&cid={blob['ref']['$link']}"
        assert answer.json["error"] == "BlobNotFound", answer.body
    raise AssertionError("the blob was lost twenty times in a row")


def settle(services: Services) -> None:
    """Let deletions in the background come to their end."""
    services.blobs._later.wait()


def test_blob_from_upload_to_deletion(
    stage: Stage, services: Services, alice: Person, keys: Any
) -> None:
    content = os.urandom(6_000_000)
    path = publish(stage, alice, content)
    cid = path.rpartition("=")[2]
    assert keys() == [f"blocks/{alice.did}/{cid}"]

    whole = stage.web.get(path)
    part = stage.web.get(path, Range="bytes=5999990-")

    assert hashlib.sha256(whole.body).digest() == hashlib.sha256(content).digest()
    assert whole.headers["Content-Length"] == "6000000"
    assert (part.status, part.body) == (206, content[-10:])

    services.repos.apply_writes(alice.row, [Write("delete", NOTE, "a")])
    settle(services)

    assert stage.web.get(path).error[:2] == (400, "BlobNotFound")
    assert keys() == []


def test_what_needs_no_bytes_asks_nobody(stage: Stage, alice: Person, line: BadLine) -> None:
    path = publish(stage, alice, b"hello")
    before = line.connections
    line.hang_up()

    head = stage.web.request("HEAD", path)
    known = stage.web.get(path, If_None_Match=head.headers["ETag"])

    assert (head.status, head.headers["Content-Length"]) == (200, "5")
    assert known.status == 304
    assert stage.web.get(path, Range="bytes=9-").status == 416
    assert line.connections == before


def test_deleted_account_leaves_nothing_in_the_bucket(
    stage: Stage, services: Services, alice: Person, bob: Person, keys: Any
) -> None:
    publish(stage, alice, b"of alice")
    upload(stage, alice, b"never used")
    publish(stage, bob, b"of bob")

    services.accounts.delete(alice.did)
    services.accounts.clean_up()

    assert [key.split("/")[1] for key in keys()] == [bob.did]


def test_deletion_that_the_service_does_not_allow_is_made_up_for(
    stage: Stage,
    services: Services,
    alice: Person,
    line: BadLine,
    keys: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    publish(stage, alice, b"hello")
    line.behave = lines.failing

    services.accounts.delete(alice.did)
    assert services.accounts.clean_up() == 0
    assert "Traceback" not in caplog.text
    line.behave = lines.passing

    services.accounts.clean_up()
    assert keys() == []


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (lines.failing, (502, "UpstreamFailure")),
        (lines.cut_off, (502, "UpstreamFailure")),
        (lines.silent, (504, "UpstreamTimeout")),
    ],
)
def test_trouble_is_told_in_time_and_nothing_is_half_made(
    stage: Stage,
    alice: Person,
    line: BadLine,
    behave: lines.Reply,
    error: tuple[int, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = publish(stage, alice, b"hello" * 1_000)
    assert stage.web.get("/xrpc/_health").status == 200
    before = all_rows()
    line.behave = behave
    for is_upload in (True, False):
        caplog.clear()
        started = time.monotonic()

        answer = upload(stage, alice, b"more") if is_upload else stage.web.get(path)

        assert answer.error[:2] == error
        assert time.monotonic() - started < 6
        assert sum("a blob failed" in line for line in caplog.text.splitlines()) == 1
        assert stage.web.get("/xrpc/_health").status == 200
    assert all_rows() == before
    line.behave = lines.passing

    assert stage.web.get(path).body == b"hello" * 1_000
    assert upload(stage, alice, b"more").status == 200


def test_server_that_is_stuck_leaves_threads_for_others(
    stage: Stage, alice: Person, line: BadLine
) -> None:
    """The stage has four threads, of which two may wait for the bucket."""
    path = publish(stage, alice, b"hello" * 1_000)
    line.behave = lines.silent
    with ThreadPoolExecutor(8) as pool:
        stuck = [pool.submit(stage.web.get, path) for _ in range(8)]
        time.sleep(1.5)
        started = time.monotonic()

        assert stage.web.get("/xrpc/_health").status == 200

        assert time.monotonic() - started < 0.5
        statuses = sorted(answer.result().status for answer in stuck)
    assert set(statuses) == {503, 504}


def test_slow_reader_holds_neither_a_thread_nor_a_connection(
    stage: Stage, alice: Person, line: BadLine
) -> None:
    path = publish(stage, alice, os.urandom(12_000_000))
    slow = [stage.web.connect() for _ in range(6)]
    for sock in slow:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        assert sock.recv(100)
    line.hang_up()

    assert stage.web.get("/xrpc/_health").status == 200
    for sock in slow:
        assert len(read_all(sock)) > 11_999_000
        sock.close()


def test_uploads_and_deletions_of_the_same_blob_at_once_lose_nothing(
    stage: Stage, services: Services, alice: Person
) -> None:
    """Whatever order they come in: a record that could be written has its picture.

    An upload may lose its blob to the end of the only other record that used it; whoever wants to
    use it then is told to upload it again.
    """
    content = b"the same picture"
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            persist(stage, alice, content, "other")
            services.repos.apply_writes(alice.row, [Write("delete", NOTE, "other")])

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(come_and_go)
        try:
            for number in range(25):
                path = persist(stage, alice, content, str(number))
                assert stage.web.get(path).body == content
                services.repos.apply_writes(alice.row, [Write("delete", NOTE, str(number))])
        finally:
            ended.set()
        other.result()
    settle(services)
    assert services.blobs.sweep_files().files_missing == 0


@pytest.mark.slow
def test_wrong_bucket_stops_the_start_with_one_line(tmp_path: Path, s3_server: S3Server) -> None:
    settings = s3_settings("nowhere", s3_server.port)
    server = ServerProcess(
        tmp_path / "data", settings={f"PDS_{name.upper()}": v for name, v in settings.items()}
    )

    with pytest.raises(AssertionError):
        server.start()

    told = [line for line in server.log.read_text().splitlines() if " ERROR " in line]
    assert len(told) == 1
    assert 'PDS_BLOBSTORE_S3_BUCKET: there is no bucket "nowhere"' in told[0]
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_server_starts_while_the_service_is_away(tmp_path: Path) -> None:
    settings = s3_settings("pictures", free_port())
    environ = {f"PDS_{name.upper()}": value for name, value in settings.items()}
    with ServerProcess(tmp_path / "data", settings=environ) as server:
        assert "version" in server.get("_health")
        assert "pictures and videos cannot be reached" in server.log.read_text()
        assert server.stop() == 0
