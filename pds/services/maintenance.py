"""Upkeep of the database, for timers: statistics, write-ahead log, idle connections."""

from __future__ import annotations

from pds.storage import database, maintenance


def optimize_database() -> bool:
    """Refresh the planner's statistics, then shorten the write-ahead log.

    Returns whether the whole log was copied; a long read can prevent that, and the next run or an
    ordinary write will do it.
    """
    with database.transaction():
        maintenance.refresh_statistics()
    return maintenance.checkpoint()


def release_connection() -> None:
    """Give back the calling thread's database connection until it needs one again."""
    database.close_thread_connection()
