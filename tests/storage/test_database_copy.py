"""A copy of the database, made while others write."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pds.storage.database_copy import DatabaseCopy, copy_database


@pytest.fixture
def source(tmp_path: Path, empty_database: Path) -> Path:
    file = tmp_path / "pds.sqlite"
    file.write_bytes(empty_database.read_bytes())
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE number (one INTEGER, other INTEGER)")
    return file


def test_copy_is_one_moment_while_somebody_writes(source: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(source, timeout=30)) as connection:
            number = 0
            while not stop.is_set():
                number += 1
                with connection:
                    connection.execute("INSERT INTO number VALUES (?, ?)", (number, -number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for name in ("first", "second"):
            copy_database(source, tmp_path / name)
    finally:
        stop.set()
        writer.join()

    for name in ("first", "second"):
        with closing(DatabaseCopy(tmp_path / name)) as copy:
            assert copy.problems() == []
        with closing(sqlite3.connect(tmp_path / name)) as copied:
            sums = copied.execute("SELECT sum(one + other), count(*) - max(one) FROM number")
            assert sums.fetchone() in ((0, 0), (None, None))


def test_it_is_for_its_owner_alone_and_durable(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    sync = os.fsync

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    copy_database(source, tmp_path / "copy")

    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert synced == ["copy.part", tmp_path.name]


def test_it_appears_whole_or_not_at_all(source: Path, tmp_path: Path) -> None:
    content = bytearray(source.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    source.write_bytes(content)
    (tmp_path / "copy.part").write_text("what an earlier one left")

    with pytest.raises(sqlite3.DatabaseError):
        copy_database(source, tmp_path / "copy")
    assert not list(tmp_path.glob("copy*"))


def test_what_is_there_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("an earlier copy")

    with pytest.raises(FileExistsError):
        copy_database(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "an earlier copy"
