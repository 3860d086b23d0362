"""pdsadmin blobs."""

from __future__ import annotations

import io
import os
import subprocess
import time
from pathlib import Path

import pytest

from pds.storage.process_lock import ProcessLock
from tests.cli.conftest import Operator
from tests.fakes.s3_server import S3Server, s3_settings
from tests.operator_process import ask
from tests.server_process import ROOT


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket that the settings name."""
    name = s3_server.new_bucket()
    for setting, value in s3_settings(name, s3_server.port).items():
        monkeypatch.setenv(f"PDS_{setting.upper()}", value)
    return name


def upload(operator: Operator, count: int) -> str:
    """So many blobs of an account; its DID."""
    did = str(operator.create("alice")["did"])
    with operator.services() as services:
        for number in range(count):
            content = io.BytesIO(f"picture {number}".encode())
            services.blobs.upload(services.accounts.get_account(did), content, "a/b")
    return did


def files(operator: Operator, did: str) -> list[Path]:
    return sorted((operator.data / "blobs" / did).iterdir())


# --- verify -------------------------------------------------------------------------------------


def test_verify_counts(operator: Operator) -> None:
    upload(operator, 3)

    found = operator.ask("blobs", "verify")

    assert found == {
        "blobs": 3,
        "bytes": 27,
        "missing": 0,
        "damaged": 0,
        "problems": [],
        "unknownFiles": 0,
    }
    assert operator.run("blobs", "verify").stdout == "3 blobs: 0 missing, 0 damaged.\n"


def test_verify_names_what_is_wrong_and_fails(operator: Operator) -> None:
    did = upload(operator, 30)
    damaged, *lost = files(operator, did)[:25]
    damaged.write_bytes(b"other")
    for path in lost:
        path.unlink()
    stray = operator.data / "blobs" / "did:plc:gone" / damaged.name
    stray.parent.mkdir()
    stray.touch()
    os.utime(stray, (1_000, 1_000))

    result = operator.run("blobs", "verify")

    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "30 blobs: 24 missing, 1 damaged."
    assert lines[1].startswith("1 files that no account knows")
    assert f"damaged: {did} {damaged.name}" in lines
    assert lines[-1] == "… and 5 more"
    assert result.stderr.startswith("Error: 25 blobs are not as they should be; ")


# --- migrate ------------------------------------------------------------------------------------


def test_migrate_to_the_bucket_and_back(
    operator: Operator, bucket: str, s3_server: S3Server
) -> None:
    did = upload(operator, 4)
    content = {path.name: path.read_bytes() for path in files(operator, did)}

    there = operator.ask("blobs", "migrate", "--to", "bucket")
    again = operator.ask("blobs", "migrate", "--to", "bucket")
    assert operator.ask("blobs", "verify")["blobs"] == 4
    elsewhere = operator.data / "elsewhere"
    back = operator.run("blobs", "migrate", "--to", "disk", "--disk", str(elsewhere))

    assert (there["copied"], again["copied"], again["blobs"]) == (4, 0, 4)
    assert there["serverIsRunning"] is False
    assert s3_server.keys(bucket) == [f"blocks/{did}/{name}" for name in sorted(content)]
    assert back.stdout == "4 blobs copied, 4 are there now.\n"
    assert {path.name: path.read_bytes() for path in (elsewhere / did).iterdir()} == content


def test_migrate_beside_a_running_server_says_that_once_more_is_needed(
    operator: Operator, bucket: str
) -> None:
    del bucket
    lock = ProcessLock(operator.data / "pds.lock")
    try:
        result = operator.run("blobs", "migrate", "--to", "bucket")
        value = operator.ask("blobs", "migrate", "--to", "bucket")
    finally:
        lock.release()

    assert "stop it and do this once more" in result.stdout
    assert value["serverIsRunning"] is True


def test_migrate_fails_over_what_it_could_not_copy(operator: Operator, bucket: str) -> None:
    del bucket
    did = upload(operator, 0)
    with operator.services() as services:
        person = services.accounts.get_account(did)
        services.blobs.upload(person, io.BytesIO(b"hello"), "a/b")
    [path] = files(operator, did)
    path.write_bytes(b"other")

    result = operator.run("blobs", "migrate", "--to", "bucket")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "0 blobs copied, 0 are there now.",
        f"damaged: {did} {path.name}",
    ]
    assert result.stderr.startswith("Error: 1 blobs are not as they should be; ")


def test_migrate_without_a_bucket_says_what_to_set(operator: Operator) -> None:
    assert "PDS_BLOBSTORE_S3_BUCKET: missing" in operator.fail("blobs", "migrate", "--to", "disk")


def test_bucket_that_does_not_answer_is_told(
    operator: Operator, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del bucket
    upload(operator, 1)
    monkeypatch.setenv("PDS_BLOBSTORE_S3_ENDPOINT", "http://127.0.0.1:1")

    assert "the bucket does not do its part (" in operator.fail("blobs", "verify")
    assert "do this again" in operator.fail("blobs", "migrate", "--to", "bucket")


@pytest.mark.slow
def test_migrate_goes_on_after_it_was_killed(
    operator: Operator, bucket: str, s3_server: S3Server, tmp_path: Path
) -> None:
    did = upload(operator, 400)
    settings = {name: value for name, value in os.environ.items() if name.startswith("PDS_")}
    env_file = tmp_path / "pds.env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    command = [str(ROOT / "pdsadmin"), "--env-file", str(env_file)]
    command += ["blobs", "migrate", "--to", "bucket"]

    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        limit = time.monotonic() + 30
        while len(s3_server.keys(bucket)) < 20 and time.monotonic() < limit:
            time.sleep(0.01)
        process.kill()
    copied = len(s3_server.keys(bucket))
    rest = ask("blobs", "migrate", "--to", "bucket", env_file=env_file)

    assert 20 <= copied < 400
    assert rest["copied"] in (400 - copied, 401 - copied)  # one may have been under way
    assert s3_server.keys(bucket) == [f"blocks/{did}/{path.name}" for path in files(operator, did)]
    assert ask("blobs", "verify", env_file=env_file)["damaged"] == 0
