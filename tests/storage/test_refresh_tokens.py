"""Rows of refresh tokens."""

from __future__ import annotations

import pytest

from pds.storage import accounts, refresh_tokens, sessions
from pds.storage.accounts import NewAccountRow
from pds.storage.database import transaction
from pds.storage.refresh_tokens import RefreshTokenRow
from pds.storage.sessions import SessionRow

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def session(open_database: object) -> None:
    with transaction():
        account_id = accounts.insert(
            NewAccountRow("did:plc:a", "a.test", None, None, "2026-01-01T00:00:00.000Z")
        )
        sessions.insert(SessionRow("s", account_id, None, False, 1, 1, None, None))


def add(token_id: str, expires_at_us: int = 1_000) -> RefreshTokenRow:
    token = RefreshTokenRow(token_id, "s", expires_at_us, None)
    with transaction():
        refresh_tokens.insert_token(token)
    return token


def test_token_is_found_as_stored() -> None:
    token = RefreshTokenRow("a", "s", 7, "b")
    with transaction():
        refresh_tokens.insert_token(token)

    assert refresh_tokens.find_token("a") == token
    assert refresh_tokens.find_token("b") is None


def test_successor_is_named_once() -> None:
    add("a", expires_at_us=1_000)

    with transaction():
        first = refresh_tokens.mark_used("a", "b", 500)
        second = refresh_tokens.mark_used("a", "c", 100)

    assert (first, second) == (True, False)
    assert refresh_tokens.find_token("a") == RefreshTokenRow("a", "s", 500, "b")


def test_grace_does_not_prolong_a_token_that_ends_sooner() -> None:
    add("a", expires_at_us=300)
    with transaction():
        refresh_tokens.mark_used("a", "b", 500)

    found = refresh_tokens.find_token("a")
    assert found is not None
    assert found.expires_at_us == 300


def test_only_lapsed_tokens_expire() -> None:
    for token_id, expires_at_us in [("a", 1), ("b", 10), ("c", 11)]:
        add(token_id, expires_at_us)

    with transaction():
        assert refresh_tokens.delete_expired(10) == 2

    assert [refresh_tokens.find_token(token_id) is None for token_id in "abc"] == [
        True,
        True,
        False,
    ]


def test_tokens_go_with_their_session() -> None:
    add("a")
    with transaction():
        sessions.delete("s")

    assert refresh_tokens.find_token("a") is None
