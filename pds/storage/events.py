"""The event log that subscribeRepos reads: encoded frames in their order.

``seq`` is AUTOINCREMENT: a number is never used twice, also after old rows are pruned.
Spec: https://atproto.com/specs/event-stream#sequence-numbers
"""

from __future__ import annotations

from collections.abc import Sequence

from peewee import BlobField, IntegerField, TextField
from playhouse.sqlite_ext import AutoIncrementField

from pds.storage import database
from pds.storage.database import Table


class Event(Table):
    seq = AutoIncrementField()
    did = TextField()
    kind = TextField()
    created_at_us = IntegerField()
    frame = BlobField()


_LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'event'"
_INSERT = "INSERT INTO event (seq, did, kind, created_at_us, frame) VALUES (?, ?, ?, ?, ?)"
_AFTER = "SELECT seq, frame FROM event WHERE seq > ? AND seq <= ? ORDER BY seq"
_FIRST_SINCE = "SELECT seq FROM event WHERE created_at_us >= ? ORDER BY seq LIMIT 1"
_LAST_BEFORE = "SELECT seq FROM event WHERE created_at_us < ? ORDER BY seq DESC LIMIT 1"
_FIRST = "SELECT min(seq) FROM event"
_OF = "SELECT seq FROM event WHERE seq > ? AND seq <= ? AND did = ?"
_DELETE = "DELETE FROM event WHERE seq = ?"
_PRUNE = "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE seq < ? ORDER BY seq LIMIT ?)"


def last_seq() -> int:
    """The highest number ever given out; 0 before the first event."""
    found = database.row(_LAST)
    return int(found[0]) if found else 0


def raise_to(seq: int) -> None:
    """Let the next event have a number above ``seq``. The caller holds the transaction."""
    changed = database.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'event'", (seq,)
    )
    if not changed:  # there was never an event
        database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?)", (seq,))


def append_event(seq: int, did: str, kind: str, created_at_us: int, frame: bytes) -> None:
    """Add an event under the next free number. The caller holds the transaction."""
    database.execute(_INSERT, (seq, did, kind, created_at_us, frame))


def frames_between(after_seq: int, last: int, max_bytes: int) -> list[tuple[int, bytes]]:
    """(seq, frame) of the events with ``after_seq`` < seq ≤ ``last``, in order.

    Stops once ``max_bytes`` are read, so that a row of large commits cannot fill the memory; there
    is at least one event unless there are none.
    """
    found: list[tuple[int, bytes]] = []
    size = 0
    cursor = database.db.execute_sql(_AFTER, (after_seq, last))
    for seq, frame in cursor:
        found.append((seq, frame))
        size += len(frame)
        if size >= max_bytes:
            break
    cursor.close()
    return found


def first_seq_since(created_at_us: int) -> int | None:
    """The first event that is not older than the given time."""
    found = database.row(_FIRST_SINCE, (created_at_us,))
    return int(found[0]) if found else None


def last_seq_before(created_at_us: int) -> int | None:
    """The newest event that is older than the given time."""
    found = database.row(_LAST_BEFORE, (created_at_us,))
    return int(found[0]) if found else None


def first_seq() -> int | None:
    """The oldest event there is."""
    found = database.row(_FIRST)
    return found[0] if found else None


def seqs_of(did: str, after_seq: int, last: int) -> list[int]:
    """The events of ``did`` with ``after_seq`` < seq ≤ ``last``.

    There is no index for this, since every commit would pay for it: it reads all events between.
    """
    return [found[0] for found in database.rows(_OF, (after_seq, last, did))]


def delete_events(seqs: Sequence[int]) -> None:
    """The caller holds the transaction."""
    database.execute_many(_DELETE, [(seq,) for seq in seqs])


def prune_before(seq: int, limit: int) -> int:
    """Delete up to ``limit`` of the oldest events below ``seq``; return how many there were.

    The caller holds the transaction.
    """
    return database.execute(_PRUNE, (seq, limit))
