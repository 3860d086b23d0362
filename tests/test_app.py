"""Starting and stopping: what app.py says, how it exits, what it leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

import app
from pds.storage.process_lock import ProcessLock
from tests.server_process import ROOT, ServerProcess


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process environment with nothing but a data directory in it."""
    for name in [name for name in os.environ if name.startswith("PDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(tmp_path / "data"))
    return monkeypatch


def start(data: Path, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run app.py to its end; for starts that must fail."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PDS_")}
    env |= {"PDS_DATA_DIRECTORY": str(data), **settings}
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30
    )


def test_wrong_settings_are_listed_and_nothing_is_made(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("PDS_PORT", "many")
    environment.setenv("PDS_BLOB_UPLOAD_LIMIT", "-1")

    assert app.main() == 2

    said = capsys.readouterr().err.splitlines()
    assert any("PDS_PORT" in line for line in said)
    assert any("PDS_BLOB_UPLOAD_LIMIT" in line for line in said)
    assert not (tmp_path / "data" / "pds.sqlite").exists()


def test_directory_that_cannot_be_used_is_one_line(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    environment.setenv("PDS_BLOBSTORE_DISK_LOCATION", str(tmp_path / "file"))

    assert app.main() == 2

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"PDS_BLOBSTORE_DISK_LOCATION: {tmp_path}/file cannot be used")
    assert not (tmp_path / "data" / "pds.sqlite").exists()


def test_second_server_on_the_same_data_is_refused(
    environment: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    del environment
    lock = ProcessLock(tmp_path / "data" / "pds.lock")
    try:
        assert app.main() == 2
    finally:
        lock.release()

    assert "another server is running" in caplog.text
    assert not (tmp_path / "data" / "pds.sqlite").exists()


@pytest.mark.slow
def test_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        ended = start(tmp_path / "data", {"PDS_PORT": str(port)})

    assert ended.returncode == 2
    assert "Traceback" not in ended.stdout + ended.stderr
    assert f"port {port}" in ended.stdout + ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_cleanly_and_leaves_one_file(tmp_path: Path, number: int) -> None:
    data = tmp_path / "data"
    with ServerProcess(data, afresh=True) as server:
        alice = server.create_account("alice")
        alice.post("kept")
        if number == signal.SIGTERM:
            assert server.stop() == 0
        else:
            assert server._process is not None
            server._process.send_signal(number)
            assert server._process.wait(15) == 0
            server._process = None

    assert not list(data.glob("pds.sqlite-*")), "the write-ahead log is folded in"
    with closing(sqlite3.connect(data / "pds.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM record").fetchone() == (1,)
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_data_directory_is_private_and_serves_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess(data, afresh=True) as server:
        alice = server.create_account("alice")
        alice.post("kept")
        for path in data.rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o077 == 0, f"{path.name} is open to others: {mode:o}"
        assert server.stop() == 0

        server.start()
        page = server.get(
            "com.atproto.repo.listRecords", repo="alice.test", collection="app.bsky.feed.post"
        )
        assert [record["value"]["text"] for record in page["records"]] == ["kept"]
        alice.post("the old token still works")


@pytest.mark.slow
def test_data_of_another_rotation_key_is_refused_in_one_line(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", afresh=True) as server:
        server.create_account("alice")
        server.stop()

    name = "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"
    ended = start(tmp_path / "data", {name: "2a" * 32})

    assert ended.returncode == 2
    assert f"{name} is not the one" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.slow
def test_database_of_a_newer_version_is_refused_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess(data, afresh=True) as server:
        assert server.stop() == 0
    with closing(sqlite3.connect(data / "pds.sqlite")) as file, file:
        file.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_more', '2030')")

    ended = start(data, {})

    assert ended.returncode == 2  # systemd does not try again
    assert "the database belongs to a newer version (it has had 9999_more)" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.slow
def test_settings_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pds.env"
    file.write_text("PDS_INVITE_REQUIRED=true\nPDS_JWT_SECRET=" + "0123456789abcdef" * 2 + "\n")
    settings = {"PDS_ENV_FILE": str(file)}
    with ServerProcess(tmp_path / "data", settings=settings, afresh=True) as server:
        assert server.get("com.atproto.server.describeServer")["inviteCodeRequired"] is True
