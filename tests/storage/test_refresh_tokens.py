"""Rows of refresh tokens."""

from __future__ import annotations

import pytest

from pds.storage import accounts, refresh_tokens
from pds.storage.accounts import NewAccountRow
from pds.storage.database import transaction
from pds.storage.refresh_tokens import RefreshTokenRow

pytestmark = pytest.mark.usefixtures("open_database")


@pytest.fixture
def account_id(open_database: object) -> int:
    with transaction():
        return accounts.insert(
            NewAccountRow("did:plc:a", "a.test", None, None, "2026-01-01T00:00:00.000Z")
        )


def add(account_id: int, token_id: str, expires_at_us: int = 1_000) -> RefreshTokenRow:
    token = RefreshTokenRow(token_id, account_id, expires_at_us, None, None)
    with transaction():
        refresh_tokens.insert_token(token)
    return token


def test_token_is_found_as_stored(account_id: int) -> None:
    token = RefreshTokenRow("a", account_id, 7, "b", "phone")
    with transaction():
        refresh_tokens.insert_token(token)

    assert refresh_tokens.find_token("a") == token
    assert refresh_tokens.find_token("b") is None


def test_successor_is_named_once(account_id: int) -> None:
    add(account_id, "a", expires_at_us=1_000)

    with transaction():
        first = refresh_tokens.mark_used("a", "b", 500)
        second = refresh_tokens.mark_used("a", "c", 100)

    assert (first, second) == (True, False)
    assert refresh_tokens.find_token("a") == RefreshTokenRow("a", account_id, 500, "b", None)


def test_grace_does_not_prolong_a_token_that_ends_sooner(account_id: int) -> None:
    add(account_id, "a", expires_at_us=300)
    with transaction():
        refresh_tokens.mark_used("a", "b", 500)

    found = refresh_tokens.find_token("a")
    assert found is not None
    assert found.expires_at_us == 300


def test_only_lapsed_tokens_expire(account_id: int) -> None:
    for token_id, expires_at_us in [("a", 1), ("b", 10), ("c", 11)]:
        add(account_id, token_id, expires_at_us)

    with transaction():
        assert refresh_tokens.delete_expired(10) == 2

    assert [refresh_tokens.find_token(token_id) is None for token_id in "abc"] == [
        True,
        True,
        False,
    ]


def test_tokens_go_singly_by_account_and_with_the_account(account_id: int) -> None:
    with transaction():
        other_id = accounts.insert(
            NewAccountRow("did:plc:b", "b.test", None, None, "2026-01-01T00:00:00.000Z")
        )
    for owner, token_id in [(account_id, "a"), (account_id, "b"), (account_id, "c")]:
        add(owner, token_id)
    add(other_id, "d")

    with transaction():
        refresh_tokens.delete_token("a")
    assert refresh_tokens.find_token("a") is None
    assert refresh_tokens.find_token("b") is not None

    with transaction():
        refresh_tokens.delete_for_account(account_id)
    assert refresh_tokens.find_token("c") is None
    assert refresh_tokens.find_token("d") is not None

    with transaction():
        accounts.delete(other_id)
    assert refresh_tokens.find_token("d") is None
