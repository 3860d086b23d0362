"""One server per data directory."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pds.storage.process_lock import AlreadyRunningError, ProcessLock, holder

ROOT = Path(__file__).resolve().parents[2]
TRY = """
import sys
from pathlib import Path
from pds.storage.process_lock import AlreadyRunningError, ProcessLock
try:
    ProcessLock(Path(sys.argv[1]))
except AlreadyRunningError as error:
    print(error)
else:
    print("free")
"""


def ask_other_process(file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TRY, str(file)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_second_one_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    file = tmp_path / "data" / "pds.lock"
    first = ProcessLock(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with pytest.raises(AlreadyRunningError, match=f"another server is running on {file.parent}"):
        ProcessLock(file)

    first.release()
    ProcessLock(file).release()


@pytest.mark.slow
def test_other_processes_are_refused_too_and_the_kernel_frees_it(tmp_path: Path) -> None:
    file = tmp_path / "pds.lock"
    lock = ProcessLock(file)
    assert ask_other_process(file) == f"another server is running on {tmp_path}"
    lock.release()

    assert ask_other_process(file) == "free"
    ProcessLock(file).release()  # that process has ended without releasing it


def test_other_directory_is_free(tmp_path: Path) -> None:
    locks = [ProcessLock(tmp_path / name / "pds.lock") for name in ("one", "other")]
    for lock in locks:
        lock.release()


def test_who_holds_it_is_known_while_it_is_held(tmp_path: Path) -> None:
    file = tmp_path / "pds.lock"
    assert holder(file) is None

    lock = ProcessLock(file)
    assert holder(file) == os.getpid()

    lock.release()
    assert file.read_text() == str(os.getpid())
    assert holder(file) is None
    assert holder(tmp_path / "nowhere/pds.lock") is None
    assert not (tmp_path / "nowhere").exists()
