# ruff: noqa: INP001 # a script of the installer, in no package
"""What the installer has to know of a server's database, and do with it, before the server starts.

    database.py state FILE STEP…    which of a program's steps the file lacks ("missing STEP"), and
                                    which it has had that the program does not know ("unknown STEP")
    database.py copy FILE TARGET    a copy of a database that no server is writing to
    database.py fold FILE           fold what is in the write-ahead log into the file

Needs nothing but Python, since it is used before there is anything else. Run it as the user whose
data it is: what it makes belongs to that user.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

CHUNK_BYTES = 16 * 1024 * 1024
TELL_EVERY_S = 2.0
BUSY_S = 3  # for a command of the operator's; members are waiting
_SEEN = "SELECT name FROM schema_migration"


class InUseError(Exception):
    """Another program has the database open and is in the midst of something."""


def state(file: Path, steps: Sequence[str]) -> list[str]:
    """One line for each step that only one of file and program knows. No file has no shape."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
        try:
            seen = {str(name) for (name,) in connection.execute(_SEEN)}
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            seen = set()
    missing = [f"missing {step}" for step in sorted(set(steps) - seen)]
    return missing + [f"unknown {step}" for step in sorted(seen - set(steps))]


def fold(file: Path) -> None:
    """Leave one file that is all there is.

    Raises:
        InUseError: another program reads or writes it.
    """
    with closing(sqlite3.connect(file, timeout=BUSY_S)) as connection:
        _fold(connection)


def copy(file: Path, target: Path) -> None:
    """Write ``file`` to the new file ``target``, durably; says how far it is when it takes long.

    Raises:
        InUseError, OSError
    """
    with closing(sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)) as connection:
        _fold(connection)
        connection.execute("BEGIN IMMEDIATE")  # nobody writes while it is read
        try:
            _copy_bytes(file, target)
        finally:
            connection.execute("ROLLBACK")


def _fold(connection: sqlite3.Connection) -> None:
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        message = "another program has the database open; end it (pdsadmin, sqlite3, a backup)"
        raise InUseError(message)


def _copy_bytes(file: Path, target: Path) -> None:
    with file.open("rb") as source, target.open("xb") as copied:
        target.chmod(0o600)
        size = os.fstat(source.fileno()).st_size
        done, told_s = 0, time.monotonic()
        while count := _copy_some(source.fileno(), copied.fileno()):
            done += count
            if time.monotonic() - told_s >= TELL_EVERY_S:
                told_s = time.monotonic()
                sys.stdout.write(f"  {done // 1048576} of {size // 1048576} MiB\n")
                sys.stdout.flush()
        os.fsync(copied.fileno())
    if done != size:
        message = f"{done} bytes of {size} were copied"
        raise OSError(message)


def _copy_some(source: int, target: int) -> int:
    """The kernel copies, and shares the blocks where the file system can (btrfs, XFS)."""
    try:
        return os.copy_file_range(source, target, CHUNK_BYTES)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP):
            raise
        chunk = os.read(source, CHUNK_BYTES)
        written = 0
        while written < len(chunk):
            written += os.write(target, chunk[written:])
        return len(chunk)


def main(words: Sequence[str]) -> int:
    verb, file, *more = words
    try:
        if verb == "state":
            sys.stdout.writelines(f"{line}\n" for line in state(Path(file), more))
        elif verb == "copy":
            copy(Path(file), Path(more[0]))
        else:
            fold(Path(file))
    except (InUseError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{file}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
