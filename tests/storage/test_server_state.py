"""Single facts that survive a restart."""

from __future__ import annotations

from pathlib import Path

from pds.storage import database, server_state
from pds.storage.database import transaction


def test_fact_is_kept_and_replaced(open_database: Path) -> None:
    assert server_state.find_value("a") is None
    for value in ("one", "two", ""):
        with transaction():
            server_state.save_value("a", value)
        assert server_state.find_value("a") == value
    assert server_state.find_value("A") is None

    database.close_database()
    database.open_database(open_database)
    assert server_state.find_value("a") == ""
