"""Rows of sessions."""

from __future__ import annotations

import pytest

from pds.storage import accounts, app_passwords, refresh_tokens, sessions
from pds.storage.accounts import NewAccountRow
from pds.storage.app_passwords import AppPasswordRow
from pds.storage.database import rows, transaction
from pds.storage.refresh_tokens import RefreshTokenRow
from pds.storage.sessions import LiveSession, SessionRow

NOW = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def account_id(open_database: object) -> int:
    with transaction():
        return accounts.insert(NewAccountRow("did:plc:a", "a.test", None, None, NOW))


def add(session_id: str, account_id: int, *, used: int = 1, name: str | None = None) -> SessionRow:
    session = SessionRow(session_id, account_id, name, False, 1, used, "agent", "192.0.2.7")
    with transaction():
        sessions.insert(session)
    return session


def add_app_password(account_id: int, name: str) -> None:
    with transaction():
        app_passwords.insert(AppPasswordRow(account_id, name, "hash", False, NOW))


def ids(account_id: int) -> list[str]:
    return [session.id for session in sessions.list_for_account(account_id, 10)]


def test_session_is_found_as_stored(account_id: int) -> None:
    session = add("s", account_id)

    assert sessions.find("s") == session
    assert sessions.find("t") is None
    assert sessions.find_live("t") is None


def test_living_session_comes_with_the_state_of_its_account(account_id: int) -> None:
    add_app_password(account_id, "phone")
    add("s", account_id, name="phone")
    assert sessions.find_live("s") == LiveSession("phone", None, None)

    with transaction():
        accounts.set_takedown(account_id, "ref")
        accounts.set_deactivated(account_id, NOW, None)
    assert sessions.find_live("s") == LiveSession("phone", "ref", NOW)


def test_last_used_comes_first(account_id: int) -> None:
    for session_id, used in [("a", 1), ("b", 3), ("c", 2)]:
        add(session_id, account_id, used=used)
    assert ids(account_id) == ["b", "c", "a"]

    with transaction():
        sessions.set_used("a", 4)
    assert ids(account_id) == ["a", "b", "c"]
    assert len(sessions.list_for_account(account_id, 2)) == 2


def test_sessions_of_an_account_end(account_id: int) -> None:
    with transaction():
        other_id = accounts.insert(NewAccountRow("did:plc:b", "b.test", None, None, NOW))
    for session_id in "abc":
        add(session_id, account_id)
    add("d", other_id)

    with transaction():
        sessions.delete_for_account(account_id)

    assert ids(account_id) == []
    assert ids(other_id) == ["d"]


def test_only_sessions_without_tokens_that_were_not_used_lately_end(account_id: int) -> None:
    add("held", account_id, used=1)
    add("unused", account_id, used=10)
    add("fresh", account_id, used=11)
    with transaction():
        refresh_tokens.insert_token(RefreshTokenRow("t", "held", 5, None))
        assert sessions.delete_ended(10) == 1

    assert sorted(ids(account_id)) == ["fresh", "held"]


def test_sessions_go_with_their_app_password_and_with_the_account(account_id: int) -> None:
    for name in ("phone", "desk"):
        add_app_password(account_id, name)
        add(name, account_id, name=name)
    add("own", account_id)

    with transaction():
        assert app_passwords.delete(account_id, "phone") is True
        assert app_passwords.delete(account_id, "phone") is False
    assert sorted(ids(account_id)) == ["desk", "own"]

    with transaction():
        accounts.delete(account_id)
    assert rows("SELECT * FROM session") == rows("SELECT * FROM app_password") == []


def test_hot_query_reads_by_keys_only(account_id: int) -> None:
    plan = " ".join(str(found) for found in rows("EXPLAIN QUERY PLAN " + sessions.LIVE, ("s",)))

    assert plan.count("SEARCH") == 2
    assert "SCAN" not in plan
