"""Upkeep of the file itself, whatever is in the tables."""

from __future__ import annotations

from pds.storage import database

ANALYSIS_LIMIT = 400  # rows looked at per index: a fraction of a second also in a large file


def refresh_statistics() -> None:
    """Tell the query planner how the tables have grown. The caller holds the transaction.

    ``PRAGMA optimize`` would only look at tables that this very connection has read, and the
    connection of a timer thread has read none.
    """
    database.row(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}")
    database.execute("ANALYZE")


def checkpoint() -> bool:
    """Copy the write-ahead log into the file as far as readers permit, without waiting for them.

    Outside a transaction. Returns whether all of it was copied.
    """
    found = database.row("PRAGMA wal_checkpoint(PASSIVE)")
    return found is not None and found[0] == 0 and found[1] == found[2]
