"""Bringing a file to today's shape."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pds.errors import NotEnoughResourcesError
from pds.storage import database, migrate
from pds.storage.migrate import NewerDatabaseError

BAD_STEP = '''
"""A step that fails half-way."""


def up(migrator, db):
    db.execute_sql("CREATE TABLE half (a)")
    db.execute_sql("CREATE TABLE half (a)")
'''
GOOD_STEP = '''
"""One more table."""


def up(migrator, db):
    db.execute_sql("CREATE TABLE more (a)")
'''


@pytest.fixture(autouse=True)
def _file(tmp_path: Path) -> Iterator[None]:
    database.open_database(tmp_path / "pds.sqlite")
    yield
    database.close_database()


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, in use, to which steps can be added."""
    folder = tmp_path / "migrations"
    shutil.copytree(
        migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__", "__init__.py")
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    return folder


def shape(file: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        sql = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
        names = "SELECT 'step', name, '' FROM schema_migration ORDER BY name"
        return connection.execute(sql).fetchall() + connection.execute(names).fetchall()


def migrate_until_killed(file: Path, statement: int) -> bool:
    """Start a process that is killed before its ``statement``-th statement; whether it was."""
    child = os.fork()
    if child == 0:
        _be_killed_at(file, statement)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def _be_killed_at(file: Path, statement: int) -> None:
    seen = 0

    def count(_statement: str) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        database.open_database(file)
        database.db.connection().set_trace_callback(count)  # type: ignore[no-untyped-call]
        migrate.migrate()
        status = 0
    finally:
        os._exit(status)  # nothing of the parent's is ended or flushed twice


def tables() -> set[str]:
    return {name for (name,) in database.rows("SELECT name FROM sqlite_master")}


def test_empty_file_gets_every_table_once() -> None:
    applied = migrate.migrate()

    assert applied[0].startswith("0001_initial")
    assert {"account", "record", "block", "event", "server_state"} <= tables()
    assert migrate.migrate() == []


def test_newer_step_is_added_to_an_older_file(steps: Path) -> None:
    migrate.migrate()
    with database.transaction():
        database.execute("INSERT INTO server_state (key, value) VALUES ('a', 'kept')")
    (steps / "9001_more.py").write_text(GOOD_STEP)

    assert [name.removesuffix(".py") for name in migrate.migrate()] == ["9001_more"]
    assert "more" in tables()
    assert database.row("SELECT value FROM server_state") == ("kept",)


def test_failing_step_is_undone_and_those_before_it_stay(steps: Path) -> None:
    (steps / "9001_more.py").write_text(GOOD_STEP)
    (steps / "9002_half.py").write_text(BAD_STEP)
    with pytest.raises(Exception, match="half"):
        migrate.migrate()

    assert "more" in tables()
    assert "half" not in tables()
    (steps / "9002_half.py").write_text(GOOD_STEP.replace("more", "half"))
    assert [name.removesuffix(".py") for name in migrate.migrate()] == ["9002_half"]


def test_steps_that_only_one_of_file_and_program_knows_are_told(steps: Path) -> None:
    assert migrate.compare()[0][0].startswith("0001_initial")
    known = migrate.migrate()
    assert migrate.compare() == ([], [])

    (steps / "9999_more.py").write_text(GOOD_STEP)
    assert migrate.compare() == (["9999_more"], [])

    (steps / "9999_more.py").unlink()
    (steps / f"{known[0]}.py").unlink()
    assert migrate.compare() == ([], [known[0]])


@pytest.mark.slow
def test_process_may_be_killed_before_any_statement(tmp_path: Path) -> None:
    database.close_database()  # nothing open is carried into the children
    whole = tmp_path / "whole.sqlite"
    assert not migrate_until_killed(whole, -1)
    expected = shape(whole)
    statement = 1
    while True:  # every fifth, so that it does not take long
        file = tmp_path / f"{statement}.sqlite"
        if not migrate_until_killed(file, statement):
            break
        assert not migrate_until_killed(file, -1)
        assert shape(file) == expected, statement
        for left in tmp_path.glob(f"{file.name}*"):
            left.unlink()
        statement += 5
    assert statement > 100


def test_step_that_was_cut_off_is_made_again(steps: Path, tmp_path: Path) -> None:
    database.close_database()
    file = tmp_path / "old.sqlite"
    assert not migrate_until_killed(file, -1)
    (steps / "9001_rewrite.py").write_text(
        "def up(migrator, db):\n"
        "    db.execute_sql('CREATE TABLE new_event AS SELECT * FROM event')\n"
        "    db.execute_sql('DROP TABLE event')\n"
        "    db.execute_sql('ALTER TABLE new_event RENAME TO event')\n"
    )
    before = shape(file)
    left: list[list[tuple[str, ...]]] = []
    while migrate_until_killed(file, len(left) + 1):
        left.append(shape(file))
    after = shape(file)
    assert ("step", "9001_rewrite", "") in after
    assert left[:8] == [before] * 8
    assert set(map(str, left)) <= {str(before), str(after)}  # the last one comes after the commit


def test_file_of_a_newer_program_is_left_as_it_is(steps: Path) -> None:
    (steps / "9001_more.py").write_text(GOOD_STEP)
    migrate.migrate()
    (steps / "9001_more.py").unlink()
    (steps / "9002_other.py").write_text(GOOD_STEP.replace("more", "other"))

    with pytest.raises(NewerDatabaseError, match=r"newer version \(it has had 9001_more\); update"):
        migrate.migrate()

    assert "other" not in tables()


def test_full_disk_is_told_from_a_bug(steps: Path) -> None:
    migrate.migrate()
    (steps / "9001_large.py").write_text(
        "def up(migrator, db):\n"
        "    db.execute_sql('CREATE TABLE large (a)')\n"
        "    db.execute_sql('INSERT INTO large VALUES (zeroblob(1000000))')\n"
    )
    database.execute("PRAGMA max_page_count = 10")

    with pytest.raises(NotEnoughResourcesError):
        migrate.migrate()

    assert "large" not in tables()


def test_every_step_is_one_transaction() -> None:
    for file in migrate.MIGRATIONS.glob("[0-9]*.py"):
        assert "atomic" not in file.read_text(encoding="utf-8"), file.name
