"""Bringing a file to today's shape."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.storage import database, migrate

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
