"""The passphrase of sealed backups, asked for at a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.backups import PASSPHRASE, live
from tests.cli.conftest import Operator
from tests.server_process import ROOT

QUESTION = "(not shown): "
LIMIT_S = 60


def talk(answers: Sequence[str], *words: str) -> tuple[int, str]:
    """The status of ``pdsadmin`` at a terminal, and what is on the screen in the end."""
    answers = list(answers)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "pds.cli", *words])
    screen, until = "", time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        try:
            screen += os.read(terminal, 65_536).decode() if ready else ""
        except OSError:  # the terminal is gone with the process
            break
        if answers and screen.endswith(QUESTION):
            time.sleep(0.1)  # echo is off by then
            os.write(terminal, f"{answers.pop(0)}\n".encode())
            screen += "|"
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), screen


@pytest.fixture
def unnamed(operator: Operator, sealed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place whose passphrase is in no setting."""
    live(operator)
    operator.ask("backup", "create")
    monkeypatch.delenv("PDS_BACKUP_PASSPHRASE")
    return sealed


@pytest.mark.parametrize("command", ["verify", "list"])
def test_it_is_asked_for_and_not_shown(unnamed: Path, command: str) -> None:
    status, screen = talk([PASSPHRASE], "backup", command)

    assert status == 0, screen
    assert f"Passphrase of the backups at {unnamed} (not shown)" in screen
    assert PASSPHRASE not in screen


def test_wrong_one_is_asked_again(unnamed: Path) -> None:
    status, screen = talk(["wrong", PASSPHRASE], "backup", "verify")

    assert status == 0, screen
    assert screen.count(QUESTION) == 2
    assert "That is not it." in screen


def test_three_wrong_ones_are_the_end(unnamed: Path) -> None:
    status, screen = talk(["a", "b", "c", PASSPHRASE], "backup", "verify")

    assert status == 1
    assert screen.count(QUESTION) == 3
    assert "the passphrase is not the one of these backups" in screen


def test_nobody_is_asked_where_there_is_no_terminal(unnamed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pds.cli", "backup", "verify"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == f"Error: the backups at {unnamed} are sealed; set PDS_BACKUP_PASSPHRASE\n"


def test_restore_asks_too_and_goes_on_with_it_every_night(
    unnamed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, settings = tmp_path / "new", tmp_path / "pds.env"
    for name in ("JWT_SECRET", "ADMIN_PASSWORD", "PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"):
        monkeypatch.delenv(f"PDS_{name}")
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(data))
    del settings

    status, screen = talk([PASSPHRASE], "backup", "restore", "--yes")

    assert status == 0, screen
    assert PASSPHRASE not in screen
    assert (data / "pds.sqlite").exists()
