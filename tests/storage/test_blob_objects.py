"""Blob bytes in a bucket of a real S3 server: whole or not there, also over a bad line."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest

from pds.atproto.cid import Cid, cid_for_raw
from pds.config import ConfigError
from pds.errors import UpstreamFailureError, UpstreamTimeoutError
from pds.storage.blob_objects import BlobObjects
from tests.factories import make_config
from tests.fakes import s3_server as lines
from tests.fakes.s3_server import BadLine, S3Server, s3_settings

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
MB = 1_000_000


class Bucket:
    """A store, and what is really in its bucket."""

    def __init__(self, tmp_path: Path, server: S3Server, port: int, **settings: str) -> None:
        self.server = server
        self.name = settings.pop("bucket", "") or server.new_bucket()
        self.tmp_path = tmp_path
        config = make_config(tmp_path, **s3_settings(self.name, port, **settings))
        self.store = BlobObjects(config)
        self.store.prepare()

    def keep(self, content: bytes, folder: str = DID) -> Cid:
        blob = self.store.incoming.write(io.BytesIO(content), 1_000 * MB)
        try:
            self.store.keep(blob, folder)
        finally:
            self.store.incoming.discard(blob)
        return blob.cid

    def read(self, cid: Cid, start: int, size: int) -> bytes:
        with self.store.open(DID, cid, start, size) as file:
            return file.read()

    def inside(self) -> list[str]:
        return self.server.keys(self.name)

    def local_files(self) -> list[Path]:
        return [path for path in self.tmp_path.rglob("*") if path.is_file()]


@pytest.fixture
def bucket(tmp_path: Path, s3_server: S3Server) -> Bucket:
    return Bucket(tmp_path, s3_server, s3_server.port)


@pytest.fixture
def line(s3_server: S3Server) -> Iterator[BadLine]:
    with BadLine(s3_server.port).running() as line:
        yield line


@pytest.fixture
def far(tmp_path: Path, s3_server: S3Server, line: BadLine) -> Bucket:
    """A bucket at the end of a line, with little patience."""
    patience = {"request_timeout_ms": "300", "upload_timeout_ms": "1000"}
    return Bucket(tmp_path, s3_server, line.port, **patience)


# --- a good line --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_537, 5 * 1024 * 1024, 11 * MB])
def test_kept_blob_is_at_its_place_alone(bucket: Bucket, size: int) -> None:
    content = os.urandom(size)

    cid = bucket.keep(content)

    assert cid == cid_for_raw(content)
    assert bucket.inside() == [f"blocks/{DID}/{cid}"]
    assert bucket.read(cid, 0, size) == content
    assert bucket.local_files() == []
    assert bucket.store.describe(DID, cid) == f"s3://{bucket.name}/blocks/{DID}/{cid}"


@pytest.mark.parametrize(("start", "size"), [(0, 1), (1, 99_998), (99_999, 1), (10, 70_000)])
def test_part_of_a_blob(bucket: Bucket, start: int, size: int) -> None:
    content = os.urandom(100_000)
    cid = bucket.keep(content)

    assert bucket.read(cid, start, size) == content[start : start + size]


def test_keeping_again_repairs_a_damaged_blob(bucket: Bucket) -> None:
    cid = bucket.keep(b"hello")
    bucket.server.write(bucket.name, f"blocks/{DID}/{cid}", b"he")

    bucket.keep(b"hello")

    assert bucket.read(cid, 0, 5) == b"hello"


def test_blob_that_is_not_there(bucket: Bucket) -> None:
    with pytest.raises(FileNotFoundError):
        bucket.read(cid_for_raw(b"nothing"), 0, 1)


def test_list_has_what_is_named_by_a_cid_over_many_pages(bucket: Bucket) -> None:
    cids = {bucket.keep(b"hello")}
    for number in range(1_100):
        content = str(number).encode()
        cids.add(cid_for_raw(content))
        key = f"blocks/{DID}/{cid_for_raw(content)}"
        bucket.server.write(bucket.name, key, content)
    bucket.server.write(bucket.name, f"blocks/{DID}/README", b"")
    bucket.keep(b"of another", f"{DID}x")

    found = list(bucket.store.list(DID))

    assert {blob.cid for blob in found} == cids
    assert len(found) == len(cids)
    assert {blob.size_bytes for blob in found if blob.cid == cid_for_raw(b"hello")} == {5}
    assert all(abs(blob.modified_us / 1e6 - time.time()) < 60 for blob in found)
    assert sorted(bucket.store.folders()) == [DID, f"{DID}x"]
    assert list(bucket.store.list("did:plc:nobody")) == []


def test_delete_is_content_with_nothing_to_delete(bucket: Bucket) -> None:
    one, two, three = (bucket.keep(content) for content in (b"one", b"two", b"three"))

    bucket.store.delete(DID, [one, two, cid_for_raw(b"nothing")])
    bucket.store.delete(DID, [one])
    bucket.store.delete(DID, [])

    assert bucket.inside() == [f"blocks/{DID}/{three}"]


def test_all_of_a_folder_goes_with_what_the_reference_server_left(bucket: Bucket) -> None:
    for number in range(620):
        bucket.server.write(
            bucket.name, f"blocks/{DID}/{cid_for_raw(bytes([number % 256]))}{number}", b""
        )
    for place in ("tmp", "quarantine"):
        bucket.server.write(bucket.name, f"{place}/{DID}/abc", b"x")
        bucket.server.write(bucket.name, f"{place}/{DID}x/abc", b"x")
    other = bucket.keep(b"of another", f"{DID}x")

    rounds = 0
    while bucket.store.delete_some(DID):
        rounds += 1

    assert rounds == 4
    assert bucket.inside() == [
        f"blocks/{DID}x/{other}",
        f"quarantine/{DID}x/abc",
        f"tmp/{DID}x/abc",
    ]


# --- settings -----------------------------------------------------------------------------------


def test_right_settings_pass(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    bucket.store.check()

    assert caplog.text == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bucket": "nowhere"}, 'PDS_BLOBSTORE_S3_BUCKET: there is no bucket "nowhere" at http'),
        ({"secret_access_key": "wrong"}, "refuses this key .*: SignatureDoesNotMatch"),
        ({"access_key_id": "nobody"}, "refuses this key .*: InvalidAccessKeyId"),
    ],
)
def test_wrong_settings_are_told_in_one_line(
    tmp_path: Path, s3_server: S3Server, wrong: dict[str, str], said: str
) -> None:
    store = Bucket(tmp_path, s3_server, s3_server.port, **wrong).store

    with pytest.raises(ConfigError, match=said) as caught:
        store.check()

    assert len(caught.value.problems) == 1
    assert "\n" not in caught.value.problems[0]
    assert "wrong" not in caught.value.problems[0].partition("or ")[0]


def test_bucket_that_went_away_is_no_missing_blob(tmp_path: Path, s3_server: S3Server) -> None:
    store = Bucket(tmp_path, s3_server, s3_server.port, bucket="nowhere").store

    with pytest.raises(UpstreamFailureError):
        store.open(DID, cid_for_raw(b"hello"), 0, 5)


@pytest.mark.parametrize(
    ("endpoint", "forced", "address"),
    [
        ("https://s3.example.com", "false", "https://pictures.s3.example.com"),
        ("https://s3.example.com/", "true", "https://s3.example.com"),
        ("http://localhost:9000", "false", "http://localhost:9000"),
        ("http://[::1]:9000", "false", "http://[::1]:9000"),
        ("http://10.0.0.7:9000", "false", "http://10.0.0.7:9000"),
    ],
)
def test_bucket_is_part_of_the_host_name_unless_told_otherwise(
    tmp_path: Path, endpoint: str, forced: str, address: str
) -> None:
    settings = s3_settings("pictures", 1, endpoint=endpoint, force_path_style=forced)
    store = BlobObjects(make_config(tmp_path, **settings))

    client: Any = store._store.config
    assert client["endpoint"] == address
    assert client["virtual_hosted_style_request"] == str("pictures." in address).lower()


# --- a bad line ---------------------------------------------------------------------------------

TIMEOUT_S = 5.0


def check_failure(far: Bucket, line: BadLine, caplog: Any, act: Callable[[], object]) -> Exception:
    """One failure of the kinds that callers know, in time, with one line in the log."""
    started = time.monotonic()
    with pytest.raises(UpstreamFailureError) as caught:
        act()

    assert time.monotonic() - started < TIMEOUT_S
    assert len(caplog.records) == 1
    assert "a blob failed: " in caplog.text
    assert "\n" not in caplog.records[0].getMessage()
    assert far.local_files() == []
    line.behave = lines.passing
    return caught.value


@pytest.mark.parametrize("size", [100_000, 11 * MB])
@pytest.mark.parametrize(
    ("behave", "is_timeout"),
    [(lines.silent, True), (lines.failing, False), (lines.cut_off, False)],
)
def test_failing_upload_leaves_nothing(
    far: Bucket, line: BadLine, caplog: Any, size: int, behave: lines.Reply, is_timeout: bool
) -> None:
    line.behave = behave

    error = check_failure(far, line, caplog, lambda: far.keep(os.urandom(size)))

    assert isinstance(error, UpstreamTimeoutError) is is_timeout
    # The server may have got all of a small one, and only its answer was lost: then it is whole.
    assert size == 100_000 or not [key for key in far.inside() if key.startswith("blocks/")]


@pytest.mark.parametrize(
    ("behave", "is_timeout"),
    [
        (lines.silent, True),
        (lines.failing, False),
        (lines.cut_off, False),
        (lines.trickling, True),
    ],
)
def test_failing_download(
    far: Bucket, line: BadLine, caplog: Any, behave: lines.Reply, is_timeout: bool
) -> None:
    content = os.urandom(1 * MB)
    cid = far.keep(content)
    line.behave = behave

    error = check_failure(far, line, caplog, lambda: far.read(cid, 0, len(content)))

    assert isinstance(error, UpstreamTimeoutError) is is_timeout
    assert far.read(cid, 0, len(content)) == content


@pytest.mark.parametrize("content", [b"he", b"hello there"])
def test_object_of_another_size_is_not_served(
    bucket: Bucket, caplog: Any, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """Services answer a range that ends beyond the object with what there is of it."""
    cid = bucket.keep(b"hello")
    other = bucket.keep(content)
    real = obstore.get
    monkeypatch.setattr(
        obstore, "get", lambda store, key, **_: real(store, key.replace(str(cid), str(other)))
    )

    with pytest.raises(UpstreamFailureError):
        bucket.read(cid, 0, 5)

    assert f"has {len(content)} bytes in place of 5" in caplog.text


@pytest.mark.parametrize("behave", [lines.silent, lines.failing, lines.cut_off])
def test_failing_list_and_deletion(
    far: Bucket, line: BadLine, caplog: pytest.LogCaptureFixture, behave: lines.Reply
) -> None:
    cid = far.keep(b"hello")
    for act in (
        lambda: list(far.store.list(DID)),
        lambda: list(far.store.folders()),
        lambda: far.store.delete_some(DID),
        lambda: far.store.delete(DID, [cid]),
    ):
        line.behave = behave
        check_failure(far, line, caplog, act)
        caplog.clear()


def test_server_that_is_not_there_is_a_failure_and_no_wrong_setting(
    far: Bucket, line: BadLine, caplog: pytest.LogCaptureFixture
) -> None:
    cid = far.keep(b"hello")
    line.hang_up()

    with pytest.raises(UpstreamFailureError):
        far.read(cid, 0, 5)
    caplog.clear()

    far.store.check()

    assert "cannot be reached" in caplog.text
