"""What the installer does with a database while there is no server."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pds.storage import database, migrate

SCRIPT = Path(__file__).resolve().parents[2] / "deploy/database.py"
STEPS = [file.stem for file in sorted(migrate.MIGRATIONS.glob("[0-9]*.py"))]


def run(*words: object, status: int = 0) -> str:
    """As the installer calls it: with the script on standard input."""
    done = subprocess.run(
        [sys.executable, "-", *map(str, words)],
        input=SCRIPT.read_text(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The database of a server that was stopped."""
    path = tmp_path / "pds.sqlite"
    database.open_database(path)
    try:
        migrate.migrate()
    finally:
        database.close_database()
    return path


def test_state_names_what_only_one_of_file_and_program_knows(file: Path) -> None:
    assert run("state", file, *STEPS) == ""
    assert run("state", file, *STEPS, "0900_more") == "missing 0900_more\n"
    assert run("state", file, *STEPS[:-1]) == f"unknown {STEPS[-1]}\n"


def test_state_of_a_server_that_runs_and_of_none(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as server:
        server.execute("BEGIN IMMEDIATE")
        assert run("state", file, *STEPS) == ""
    assert run("state", tmp_path / "none", *STEPS) == ""
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty").touch()
    assert run("state", tmp_path / "empty", "0001_initial") == "missing 0001_initial\n"


def test_state_of_something_else_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 1000)

    assert run("state", tmp_path / "text", status=1).endswith("file is not a database\n")


def test_copy_has_what_was_only_in_the_log(file: Path, tmp_path: Path) -> None:
    """As after a server that was killed."""
    dead = tmp_path / "dead.sqlite"
    with closing(sqlite3.connect(file)) as server:
        server.execute("INSERT INTO server_state (key, value) VALUES ('a', 'kept')")
        server.commit()
        for suffix in ("", "-wal"):
            (tmp_path / f"dead.sqlite{suffix}").write_bytes(
                (tmp_path / f"pds.sqlite{suffix}").read_bytes()
            )

    run("copy", dead, tmp_path / "copy.sqlite")

    assert (tmp_path / "copy.sqlite").stat().st_mode & 0o777 == 0o600
    for name in ("copy.sqlite", "dead.sqlite"):
        assert not (tmp_path / f"{name}-wal").exists()
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            found = connection.execute("SELECT value FROM server_state WHERE key = 'a'")
            assert found.fetchone() == ("kept",)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_copy_is_refused_while_somebody_writes(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("INSERT INTO server_state (key, value) VALUES ('a', 'b')")
        other.execute("BEGIN IMMEDIATE")
        said = run("copy", file, tmp_path / "copy.sqlite", status=1)

    assert "another program has the database open" in said or "locked" in said
    assert not (tmp_path / "copy.sqlite").exists()


def test_copy_never_replaces_a_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite").write_text("something")

    assert "File exists" in run("copy", file, tmp_path / "copy.sqlite", status=1)
    assert (tmp_path / "copy.sqlite").read_text() == "something"


def test_fold_leaves_one_file(file: Path) -> None:
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("INSERT INTO server_state (key, value) VALUES ('a', 'b')")
        reader.commit()
        assert file.with_name("pds.sqlite-wal").stat().st_size > 0
        run("fold", file)
        assert file.with_name("pds.sqlite-wal").stat().st_size == 0
