"""What becomes of the refresh tokens of the first version."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.storage import database, migrate, refresh_tokens, sessions
from pds.storage.refresh_tokens import RefreshTokenRow

DAY_US = 86_400_000_000
LIFETIME_US = 90 * DAY_US
NOW_US = 1_790_000_000_000_000
INSERT = "INSERT INTO refresh_token (id, account_id, expires_at_us, next_id) VALUES (?, ?, ?, ?)"


@pytest.fixture(autouse=True)
def _old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database of the first version with two accounts."""
    first_step = tmp_path / "migrations"
    first_step.mkdir()
    shutil.copy(migrate.MIGRATIONS / "0001_initial.py", first_step)
    database.open_database(tmp_path / "pds.sqlite")
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "MIGRATIONS", first_step)
        migrate.migrate()
    with database.transaction():
        for account_id in (1, 2):
            database.execute(
                "INSERT INTO account (id, did, createdAt, invitesDisabled) VALUES (?, ?, '', 0)",
                (account_id, f"did:plc:{account_id}"),
            )
    yield
    database.close_database()


def add(token_id: str, account_id: int, expires_at_us: int, next_id: str | None = None) -> None:
    with database.transaction():
        database.execute(
            INSERT,
            (token_id, account_id, expires_at_us, next_id),
        )


def test_tokens_that_follow_each_other_are_one_session() -> None:
    add("first", 1, NOW_US + 5, "second")
    add("second", 1, NOW_US + 6, "third")
    add("third", 1, NOW_US + LIFETIME_US)
    add("single", 2, NOW_US + LIFETIME_US + 1)

    migrate.migrate()

    assert [(found.id, found.account_id, found.used_at_us) for found in all_sessions()] == [
        ("third", 1, NOW_US),
        ("single", 2, NOW_US + 1),
    ]
    assert refresh_tokens.find_token("first") == RefreshTokenRow(
        "first", "third", NOW_US + 5, "second"
    )
    assert refresh_tokens.find_token("second") == RefreshTokenRow(
        "second", "third", NOW_US + 6, "third"
    )
    assert refresh_tokens.find_token("third") == RefreshTokenRow(
        "third", "third", NOW_US + LIFETIME_US, None
    )
    assert database.rows("PRAGMA foreign_key_check") == []


def test_tokens_of_a_session_that_was_logged_out_are_dropped() -> None:
    add("used", 1, NOW_US + 5, "logged out")

    migrate.migrate()

    assert all_sessions() == []
    assert refresh_tokens.find_token("used") is None


def test_many_sessions_are_carried_over_in_little_time() -> None:
    """Without an index on the links this would take minutes."""
    tokens = [
        (
            f"{session} {place}",
            1,
            NOW_US + LIFETIME_US,
            f"{session} {place + 1}" if place < 9 else None,
        )
        for session in range(2_000)
        for place in range(10)
    ]
    with database.transaction():
        database.execute_many(
            INSERT,
            tokens,
        )

    migrate.migrate()

    assert database.row("SELECT count(*) FROM session") == (2_000,)
    assert database.row("SELECT count(*) FROM refresh_token") == (20_000,)


def all_sessions() -> list[sessions.SessionRow]:
    return sessions.list_for_account(1, 10_000) + sessions.list_for_account(2, 10_000)
