"""Whether the database file is whole, looked at beside a running server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

_MOST: Final = 5
_STEPS: Final = 20_000  # of SQLite's machine, between looks at the clock


class NotFinishedError(Exception):
    """The file is too large to be looked at in that time."""


def problems(file: Path, limit_s: float) -> list[str]:
    """What is wrong with the pages, and rows that refer to others that are not there.

    Raises:
        NotFinishedError: nothing was found so far.
        DatabaseError: it is not a database.
    """
    with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
        connection.set_progress_handler(_alarm(limit_s), _STEPS)
        try:
            pages = connection.execute(f"PRAGMA quick_check({_MOST})").fetchall()
            orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(_MOST)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise NotFinishedError from error
            raise
    found = [" ".join(str(text).split()) for (text,) in pages if text != "ok"]
    return found + [f"a row of {row[0]} refers to none of {row[2]}" for row in orphans]


def _alarm(limit_s: float) -> Callable[[], int]:
    until = time.monotonic() + limit_s
    return lambda: int(time.monotonic() > until)
