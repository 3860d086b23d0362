"""The one SQLite file: durable, one writer, callbacks in commit order."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pds.errors import NotEnoughResourcesError
from pds.storage import database
from pds.storage.database import (
    after_commit,
    after_rollback,
    execute,
    execute_many,
    row,
    rows,
    transaction,
)

pytestmark = pytest.mark.usefixtures("open_database")


@pytest.fixture(autouse=True)
def cheap_commits() -> None:
    """None here: what a server does is what is tried."""


def save(key: str, value: str = "x") -> None:
    execute("INSERT INTO server_state (key, value) VALUES (?, ?)", (key, value))


def keys() -> list[str]:
    return [key for (key,) in rows("SELECT key FROM server_state ORDER BY key")]


def save_and_fail(key: str) -> None:
    with transaction():
        save(key)
        raise ZeroDivisionError


def test_file_is_private_and_durable(tmp_path: Path) -> None:
    database.close_database()
    path = tmp_path / "new" / "pds.sqlite"
    database.open_database(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert row("PRAGMA journal_mode") == ("wal",)
    assert row("PRAGMA synchronous") == (2,)
    assert row("PRAGMA foreign_keys") == (1,)
    assert row("PRAGMA busy_timeout") == (database.BUSY_TIMEOUT_MS,)


def test_closing_leaves_one_whole_file(open_database: Path) -> None:
    with transaction():
        save("a")
    database.close_database()

    assert [path.name for path in open_database.parent.glob("pds.sqlite*")] == ["pds.sqlite"]
    with contextlib.closing(sqlite3.connect(open_database)) as file:
        assert file.execute("SELECT key FROM server_state").fetchall() == [("a",)]
    database.close_database()  # once more does no harm


def test_block_is_committed_as_a_whole_or_not_at_all() -> None:
    with transaction():
        save("a")
        save("b")
    with pytest.raises(ZeroDivisionError):
        save_and_fail("c")

    assert keys() == ["a", "b"]


def test_others_see_a_change_only_once_it_is_committed(open_database: Path) -> None:
    with contextlib.closing(sqlite3.connect(open_database)) as other:
        with transaction():
            save("a")
            assert other.execute("SELECT count(*) FROM server_state").fetchone() == (0,)
        assert other.execute("SELECT count(*) FROM server_state").fetchone() == (1,)


def test_transactions_do_not_nest_and_the_outer_one_is_undone() -> None:
    def nest() -> None:
        with transaction():
            save("a")
            with transaction():
                save("b")

    with pytest.raises(RuntimeError, match="already open"):
        nest()

    assert keys() == []
    with transaction():
        save("c")
    assert keys() == ["c"]


def test_callbacks_run_in_order_after_the_commit(open_database: Path) -> None:
    seen: list[object] = []
    with contextlib.closing(sqlite3.connect(open_database)) as other:

        def look() -> None:
            seen.append(other.execute("SELECT count(*) FROM server_state").fetchone()[0])

        with transaction():
            after_commit(look)
            save("a")
            after_commit(lambda: seen.append("second"))
            assert seen == []

    assert seen == [1, "second"]


def test_callbacks_of_a_rolled_back_block_never_run() -> None:
    seen: list[str] = []

    def fail() -> None:
        with transaction():
            after_commit(lambda: seen.append("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with transaction():
        save("b")

    assert seen == []


def test_callback_outside_a_transaction_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        after_commit(lambda: None)


def test_failing_callback_is_logged_and_the_others_run(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR), transaction():
        after_commit(fail)
        after_commit(lambda: seen.append("a"))
        save("a")

    assert (keys(), seen) == (["a"], ["a"])
    assert "an after-commit callback failed" in caplog.text


def test_writers_of_many_threads_lose_nothing_and_are_announced_in_order() -> None:
    announced: list[int] = []

    def work(name: int) -> None:
        try:
            for number in range(20):
                with transaction():
                    count = row("SELECT count(*) FROM server_state")
                    assert count is not None
                    save(f"{name}-{number}")
                    after_commit(lambda count=count: announced.append(count[0]))  # type: ignore[misc]
        finally:
            database.close_thread_connection()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert announced == list(range(120))


def test_snapshot_stands_still_while_others_write(open_database: Path) -> None:
    with contextlib.closing(sqlite3.connect(open_database)) as other:
        with database.snapshot():
            assert keys() == []
            other.execute("INSERT INTO server_state (key, value) VALUES ('a', 'x')")
            other.commit()
            assert keys() == []
        assert keys() == ["a"]


def test_snapshot_ends_after_a_failure() -> None:
    def fail() -> None:
        with database.snapshot():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with transaction():
        save("a")
    assert keys() == ["a"]


@pytest.mark.usefixtures("caplog")
def test_change_that_cannot_be_stored_is_told_in_the_protocols_words(
    open_database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def write() -> None:
        with transaction():
            save("a")

    with caplog.at_level(logging.CRITICAL):
        execute("PRAGMA query_only = 1")
        with pytest.raises(NotEnoughResourcesError, match="could not store"):
            write()
        execute("PRAGMA query_only = 0")
        execute("PRAGMA busy_timeout = 10")
        with contextlib.closing(sqlite3.connect(open_database)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(NotEnoughResourcesError, match="could not store"):
                write()

    write()
    assert keys() == ["a"]


def test_full_disk_is_one_line_in_the_log_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def write_much() -> None:
        with transaction():
            save("a")
            execute("INSERT INTO server_state VALUES ('b', ?)", ("x" * 5_000_000,))

    execute("PRAGMA max_page_count = 200")
    with pytest.raises(NotEnoughResourcesError):
        write_much()

    assert [record.getMessage() for record in caplog.records] == [
        "a change could not be stored: database or disk is full"
    ]
    assert caplog.records[0].exc_info is None
    assert keys() == []


def test_wrong_statement_is_a_bug_and_not_called_anything_else() -> None:
    def write() -> None:
        with transaction():
            execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        write()


def test_broken_rule_of_the_schema_is_a_bug_and_leaves_nothing() -> None:
    def twice() -> None:
        with transaction():
            save("a")
            save("a")

    with pytest.raises(database.DatabaseError):
        twice()
    assert keys() == []


def test_statements_tell_how_many_rows_they_touched() -> None:
    with transaction():
        execute_many(
            "INSERT INTO server_state (key, value) VALUES (?, ?)", [("a", "1"), ("b", "2")]
        )
        assert execute("UPDATE server_state SET value = '3'") == 2
        assert execute("DELETE FROM server_state WHERE key = ?", ("none",)) == 0

    assert rows("SELECT * FROM server_state WHERE key = :key", {"key": "b"}) == [("b", "3")]
    assert row("SELECT * FROM server_state WHERE key = ?", ("none",)) is None


def fail_after(change: Callable[[], None]) -> None:
    with transaction():
        save("undone")
        after_rollback(change)
        raise ZeroDivisionError


def test_what_must_be_remembered_of_a_failure_is_kept() -> None:
    with pytest.raises(ZeroDivisionError):
        fail_after(lambda: save("kept"))

    assert keys() == ["kept"]


def test_nothing_is_remembered_of_a_success() -> None:
    with transaction():
        save("done")
        after_rollback(lambda: save("failure"))

    assert keys() == ["done"]


def test_remedy_that_fails_hides_no_error_and_leaves_no_part(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        save("half")
        raise KeyError

    with pytest.raises(ZeroDivisionError):
        fail_after(fail)

    assert keys() == []
    assert "a failure could not be remembered" in caplog.text
    with transaction():
        save("next")


def test_after_rollback_outside_a_transaction_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        after_rollback(lambda: None)
