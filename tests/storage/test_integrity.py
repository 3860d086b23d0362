"""Looking whether the database file is whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pds.storage import integrity
from pds.storage.database import is_damage


def make(file: Path, rows: int = 2_000) -> Path:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE child (parent_id REFERENCES parent (id), text)")
        connection.execute("CREATE INDEX child_text ON child (text)")
        connection.execute("INSERT INTO parent VALUES (1)")
        connection.executemany(
            "INSERT INTO child VALUES (1, ?)", ((f"{n:200}",) for n in range(rows))
        )
        connection.commit()
    return file


def test_a_whole_file_has_no_problems(tmp_path: Path) -> None:
    assert integrity.problems(make(tmp_path / "a?b#c.sqlite"), 10) == []


def test_a_broken_page_is_a_problem(tmp_path: Path) -> None:
    file = make(tmp_path / "a.sqlite")
    with file.open("r+b") as stream:
        stream.seek(40 * 4_096)
        stream.write(b"\xff" * 4_096)

    assert integrity.problems(file, 10)


def test_a_row_that_refers_to_nothing_is_a_problem(tmp_path: Path) -> None:
    file = make(tmp_path / "a.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO child VALUES (7, 'x')")
        connection.commit()

    assert integrity.problems(file, 10) == ["a row of child refers to none of parent"]


def test_what_is_no_database_is_damage(tmp_path: Path) -> None:
    file = tmp_path / "a.sqlite"
    file.write_bytes(b"no database" * 1_000)

    with pytest.raises(sqlite3.DatabaseError) as caught:
        integrity.problems(file, 10)

    assert is_damage(caught.value)


def test_what_cannot_be_opened_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.DatabaseError) as caught:
        integrity.problems(tmp_path / "nowhere.sqlite", 10)

    assert not is_damage(caught.value)


def test_it_ends_when_its_time_is_over(tmp_path: Path) -> None:
    with pytest.raises(integrity.NotFinishedError):
        integrity.problems(make(tmp_path / "a.sqlite", 20_000), -1)
