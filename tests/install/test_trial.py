"""What an update is tried with, and how it is told whether a server answers."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.install.test_functions import bash

UNIT = "settings=$'PDS_PORT=2583\\n'; code_name=code-new; port=2583; plan_unit; "


def test_trial_unit_is_the_new_one_with_the_program_by_its_own_name() -> None:
    unit = bash(UNIT + 'printf "%s" "$unit_text"')
    trial = bash(UNIT + "text_for_trial")

    assert "/opt/hearth/current/app.py" in unit
    assert "/opt/hearth/current" not in trial
    assert "/opt/hearth/code-new/.venv/bin/python /opt/hearth/code-new/app.py" in trial
    assert "PDS_ENV_FILE=/opt/hearth/trial/pds.env" in trial
    put_back = trial.replace("/opt/hearth/code-new", "/opt/hearth/current")
    assert put_back.replace("/opt/hearth/trial/pds.env", "/pds/pds.env") == unit


def test_copy_is_served_where_nobody_finds_it() -> None:
    lines = bash(UNIT + "trial_data='/pds/a b/trial'; lines_for_copy").splitlines()

    [first, *_] = lines
    assert '"PDS_DATA_DIRECTORY=/pds/a b/trial"' in first
    assert "PDS_BIND_ADDRESS=127.0.0.1" in first
    assert "PDS_PORT=2583 " not in first
    assert "Environment=PDS_CRAWLERS= PDS_BACKUP_LOCATION=" in lines
    assert 'Environment="PDS_BLOBSTORE_DISK_LOCATION=/pds/blobs"' in lines
    bucket = UNIT.replace("2583\\n'", "2583\\nPDS_BLOBSTORE_S3_BUCKET=b\\n'", 1)
    assert "DISK_LOCATION" not in bash(bucket + "trial_data=/pds/trial; lines_for_copy")


@pytest.mark.parametrize(("status", "is_good"), [(200, True), (503, False), (500, False)])
def test_answer_is_good_or_not(status: int, is_good: bool) -> None:
    with answering(status) as port:
        said = bash(f"is_answer_good 127.0.0.1 {port} && echo good || echo bad")
    assert said == ("good\n" if is_good else "bad\n")
    assert bash(f"is_answer_good 127.0.0.1 {port} && echo good || echo bad") == "bad\n"


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/xrpc/_health"
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_waiting_is_told_and_the_outcome_kept() -> None:
    assert bash("with_signs waiting true; echo $?") == "0\n"
    assert bash("with_signs waiting false || echo $?") == "1\n"
    said = bash("signs_every_s=1; with_signs waiting sleep 2.2").splitlines()
    assert re.fullmatch(r"  waiting \([12] s\)", said[0])


def test_file_comes_back_as_it_was(tmp_path: Path) -> None:
    copy, file = tmp_path / "copy", tmp_path / "file"
    copy.write_text("before")
    copy.chmod(0o640)
    file.write_text("after")

    bash(f"restore_file {copy} {file}")

    assert (file.read_text(), file.stat().st_mode & 0o777) == ("before", 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "file"]
    inode = file.stat().st_ino
    bash(f"restore_file {copy} {file}")
    assert file.stat().st_ino == inode


def test_writing_to_a_database_shows(tmp_path: Path) -> None:
    file = tmp_path / "pds.sqlite"
    file.write_text("one")
    first = bash(f"print_of {file}")
    assert bash(f"print_of {file}") == first
    (tmp_path / "pds.sqlite-wal").touch()
    assert bash(f"print_of {file}") == first
    (tmp_path / "pds.sqlite-wal").write_text("frames")
    assert bash(f"print_of {file}") != first
