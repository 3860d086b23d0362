"""The one SQLite file: how it is opened, and what a transaction is here.

Terms
- One process writes. Writers queue on an in-process lock before ``BEGIN IMMEDIATE``: measured,
  eight threads then share evenly, while SQLite's own busy waiting starves some for seconds.
- ``after_commit`` callbacks run in commit order, still under that lock, so that whoever listens
  learns of changes in exactly the order in which they became durable.

Tricky bits
- Peewee keeps one connection per thread and never closes it for a thread that ends. Threads that
  come and go (WebSocket pumps) must call ``close_thread_connection``.
- A callback that raises must not make a durable commit look failed; it is logged and swallowed.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peewee import DatabaseError as PeeweeDatabaseError
from peewee import Model, OperationalError, SqliteDatabase

from pds.errors import NotEnoughResourcesError

__all__ = [
    "DatabaseError",
    "Table",
    "after_commit",
    "after_rollback",
    "close_database",
    "close_thread_connection",
    "db",
    "execute",
    "execute_many",
    "is_damage",
    "open_database",
    "row",
    "rows",
    "snapshot",
    "transaction",
]

logger = logging.getLogger("pds.database")

BUSY_TIMEOUT_MS = 5_000

_OUTSIDE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_IOERR", "SQLITE_CANTOPEN")
_NOT_STORED = "The server could not store this change, try again later"

DatabaseError = (PeeweeDatabaseError, sqlite3.DatabaseError)
"""What a failing statement raises: Peewee's own queries wrap it, the functions below do not."""

_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",  # acknowledged means durable, also after a power cut
    "foreign_keys": 1,
    # KiB per connection, and there is one per thread: with twice as much nothing was faster, while
    # twenty minutes of all kinds of calls took 10 MB more (bench/soak.py).
    "cache_size": -2_000,
    "journal_size_limit": 64 * 1024 * 1024,
}


class Database(SqliteDatabase):
    """SQLite whose every transaction is ``BEGIN IMMEDIATE`` behind one process-wide lock."""

    def __init__(self) -> None:
        super().__init__(None, lock_type="IMMEDIATE")
        self.write_lock = threading.Lock()
        self.local = threading.local()


db = Database()


class Table(Model):
    """Base of every model: bound to the one database."""

    class Meta:
        database = db
        legacy_table_names = False


def open_database(path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
    """Bind the process to the file at ``path``, creating it with mode 0600 when it is not there.

    busy_timeout_ms: how long a change waits for other processes.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    pragmas = {**_PRAGMAS, "busy_timeout": busy_timeout_ms}
    db.init(str(path), pragmas=pragmas, check_same_thread=False)
    db.connect(reuse_if_open=True)


def close_database() -> None:
    """Fold the write-ahead log into the file and close this thread's connection."""
    if not db.is_closed():
        db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()


def close_thread_connection() -> None:
    """Give back the calling thread's connection. For threads that are about to end."""
    if not db.is_closed():
        db.close()


@contextmanager
def transaction() -> Iterator[None]:
    """Run the block as one durable change. Transactions do not nest: that is a bug and raises.

    Raises:
        NotEnoughResourcesError: the disk is full, the file read-only, or another program holds it
            for longer than the busy timeout. Nothing was changed.
    """
    if getattr(db.local, "callbacks", None) is not None:
        message = "a transaction is already open in this thread"
        raise RuntimeError(message)
    with db.write_lock:
        db.local.callbacks, db.local.remedies = [], []
        try:
            with told_as_lack_of_resources(), db.atomic():
                yield
            callbacks = db.local.callbacks
        except BaseException:
            _make_up(db.local.remedies)
            raise
        finally:
            db.local.callbacks = db.local.remedies = None
        for callback in callbacks:
            _run(callback)


@contextmanager
def snapshot() -> Iterator[None]:
    """Read the block from one unchanging state of the file, without holding up writers."""
    connection = db.connection()
    connection.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def after_commit(callback: Callable[[], None]) -> None:
    """Call ``callback`` once the caller's transaction is durable; never if it rolls back.

    Callbacks run under the write lock: they may only wake somebody.
    """
    callbacks = getattr(db.local, "callbacks", None)
    if callbacks is None:
        message = "after_commit outside a transaction"
        raise RuntimeError(message)
    callbacks.append(callback)


def after_rollback(change: Callable[[], None]) -> None:
    """Make ``change``, in a transaction of its own, if the caller's is rolled back.

    For what must be remembered about a failure: a wrong guess counts although what it was for does
    not happen. No other writer comes in between.
    """
    remedies = getattr(db.local, "remedies", None)
    if remedies is None:
        message = "after_rollback outside a transaction"
        raise RuntimeError(message)
    remedies.append(change)


def rows(sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query: the hot path's way around the query builder.

    5 µs against 90; Peewee's own ``execute_sql`` would add 5.
    """
    return db.connection().execute(sql, params).fetchall()


def row(sql: str, params: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    """The first row of a query, or None."""
    return db.connection().execute(sql, params).fetchone()


def execute(sql: str, params: Sequence[Any] = ()) -> int:
    """Run one statement inside the caller's transaction; return how many rows it touched."""
    return db.connection().execute(sql, params).rowcount


def execute_many(sql: str, params: Sequence[Sequence[Any]]) -> None:
    """Run one statement once per item of ``params`` inside the caller's transaction."""
    db.connection().executemany(sql, params)


@contextmanager
def told_as_lack_of_resources() -> Iterator[None]:
    """Raise NotEnoughResourcesError when disk, file or another program keep SQLite from writing."""
    try:
        yield
    except (OperationalError, sqlite3.OperationalError) as error:
        reason = _reason_outside(error)
        if reason is None:
            raise
        logger.error("a change could not be stored: %s", reason)  # noqa: TRY400 # no bug to trace
        raise NotEnoughResourcesError(_NOT_STORED) from error


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that the file itself is not as it should be."""
    return any(name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) for name, _ in _said(error))


def _reason_outside(error: BaseException) -> str | None:
    """What SQLite says when disk, file or another program is at fault; None when it is our SQL.

    SQLite rolls back by itself when a commit fails, so Peewee's own attempt fails as well and hides
    the first error behind the second.
    """
    reasons = (text for name, text in _said(error) if name.startswith(_OUTSIDE))
    return next(reasons, None)


def _said(error: BaseException) -> Iterator[tuple[str, str]]:
    """(SQLite's name of the error, what it says) of an error and of those behind it."""
    link: BaseException | None = error
    while link is not None:
        yield getattr(link, "sqlite_errorname", None) or "", str(link)
        link = link.__cause__ or link.__context__


def _make_up(remedies: Sequence[Callable[[], None]]) -> None:
    if not remedies:
        return
    try:
        with db.atomic():
            for change in remedies:
                change()
    except Exception:
        logger.exception("a failure could not be remembered")


def _run(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("an after-commit callback failed")
