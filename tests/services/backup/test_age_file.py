"""The age file of a passphrase: other programs read what we write."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pyrage
import pytest

from pds.services.backup.age_file import LOG_N, seal

SECRET = b"AGE-SECRET-KEY-1" + b"X" * 58


@pytest.fixture(autouse=True)
def cheap_passwords() -> None:
    """None here: what it costs is part of what is tried."""


@pytest.mark.parametrize("passphrase", ["correct horse battery staple", "Bücher, ja?", " "])
def test_pyrage_reads_it_with_the_passphrase_only(passphrase: str) -> None:
    sealed = seal(SECRET, passphrase)

    assert pyrage.passphrase.decrypt(sealed, passphrase) == SECRET
    with pytest.raises(pyrage.DecryptError):
        pyrage.passphrase.decrypt(sealed, passphrase + "x")


def test_it_costs_what_a_small_machine_has() -> None:
    [stanza] = [line for line in seal(b"", "p").split(b"\n") if line.startswith(b"-> ")]

    assert stanza.split()[1] == b"scrypt"
    assert int(stanza.split()[3]) == LOG_N
    assert 128 * 8 * 2**LOG_N <= 64 * 1024 * 1024


def test_it_is_another_file_each_time() -> None:
    assert seal(SECRET, "p") != seal(SECRET, "p")


def test_age_itself_reads_it(tmp_path: Path) -> None:
    if shutil.which("age") is None:
        pytest.skip("needs age")
    (tmp_path / "key.age").write_bytes(seal(SECRET, "correct horse"))
    master, terminal = pty.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", "age", "-d", "-o", str(tmp_path / "key"), str(tmp_path / "key.age")],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.write(master, b"correct horse\n")
        assert process.wait(30) == 0
    os.close(master)
    os.close(terminal)

    assert (tmp_path / "key").read_bytes() == SECRET
