"""The health check: does the database take writes?"""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.errors import NotEnoughResourcesError
from pds.services.health import Health
from pds.storage import database
from tests.factories import StillClock


def written() -> str | None:
    found = database.row("SELECT value FROM server_state WHERE key = 'health_checked_at_us'")
    return found[0] if found else None


@pytest.mark.usefixtures("open_database")
class TestHealth:
    def test_good_database_is_written_to(self, clock: StillClock) -> None:
        Health(clock).check()

        assert written() == str(clock.now_us)

    def test_writes_at_most_once_a_second(self, clock: StillClock) -> None:
        health = Health(clock)
        health.check()
        first = written()

        clock.advance(0.9)
        health.check()
        assert written() == first
        clock.advance(0.2)
        health.check()
        assert written() == str(clock.now_us)

    def test_clock_that_goes_back_does_not_stop_the_checks(self, clock: StillClock) -> None:
        health = Health(clock)
        health.check()
        clock.advance(-3_600)
        health.check()

        assert written() == str(clock.now_us)

    def test_database_that_cannot_be_written_is_told(
        self, clock: StillClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        health = Health(clock)
        database.execute("PRAGMA query_only = 1")
        with caplog.at_level("CRITICAL"), pytest.raises(NotEnoughResourcesError) as raised:
            health.check()
        assert raised.value.status == 503
        assert "database" in raised.value.message

        database.execute("PRAGMA query_only = 0")
        health.check()
        assert written() == str(clock.now_us)

    def test_failure_is_noticed_again_after_a_good_second(self, clock: StillClock) -> None:
        health = Health(clock)
        health.check()
        database.execute("DROP TABLE server_state")
        health.check()  # trusted for a second

        clock.advance(1)
        with pytest.raises(NotEnoughResourcesError):
            health.check()


def test_locked_file_is_told(open_database: Path, clock: StillClock) -> None:
    import sqlite3

    database.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(open_database)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotEnoughResourcesError):
            Health(clock).check()
    finally:
        other.close()
