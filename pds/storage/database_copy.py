"""A copy of the database as one file, made while others write, and what can be read from one.

``VACUUM INTO`` reads from one snapshot, so the copy is the database at one moment, with nothing in
a write-ahead log. Its pages are written anew, which also finds those that cannot be read.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pds.atproto.cid import Cid
from pds.storage.durable import sync_directory, sync_file

_BUSY_S: Final = 30


@dataclass(frozen=True, slots=True)
class CopiedBlob:
    """A blob that the copy knows: whose, which, and how large."""

    did: str
    cid: Cid
    size_bytes: int


def copy_database(source: Path, target: Path) -> None:
    """Write the database ``source`` as it is now to the new file ``target``, while others write.

    The file appears whole or not at all, for its owner alone, and is durable: a copy that is made
    before something dangerous can be put in the database's place. It takes about a second for each
    150 MB, and as much room as the database.

    Raises:
        sqlite3.DatabaseError: ``source`` cannot be read, or the disk is full.
        FileExistsError: ``target`` is there.
    """
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        # Made before it is filled, so that nobody else may read it meanwhile.
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(source, timeout=_BUSY_S)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        sync_file(part)  # SQLite does not do so before version 3.46
        part.rename(target)
        sync_directory(target.parent)
    finally:
        part.unlink(missing_ok=True)


class DatabaseCopy:
    """Reads a database that is not the one of this process, and changes nothing in it."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)

    def close(self) -> None:
        self._connection.close()

    def problems(self) -> list[str]:
        """What SQLite finds wrong with it; at most a few lines."""
        found = [text for (text,) in self._connection.execute("PRAGMA integrity_check(5)")]
        return [] if found == ["ok"] else [str(text) for text in found]

    def last_seq(self) -> int:
        found = self._connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'event'"
        ).fetchone()
        return int(found[0]) if found else 0

    def has_accounts(self) -> bool:
        """Whether it has the table at all."""
        sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'account'"
        return self._connection.execute(sql).fetchone() is not None

    def count_accounts(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM account").fetchone()[0])

    def blobs(self) -> Iterator[CopiedBlob]:
        """All blobs, account by account."""
        found = self._connection.execute(
            "SELECT a.did, b.cid, b.size_bytes FROM blob b JOIN account a ON a.id = b.account_id"
            " ORDER BY b.account_id, b.cid"
        )
        for did, cid, size_bytes in found:
            yield CopiedBlob(did, Cid(cid), size_bytes)
