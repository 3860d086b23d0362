from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.storage import accounts, oauth_requests
from pds.storage.accounts import NewAccountRow
from pds.storage.database import transaction
from pds.storage.oauth_requests import OAuthRequestRow

PUSHED = OAuthRequestRow("req-1", "client", "{}", '{"a":1}', "jkt", 1_000, 5_000)


@pytest.fixture(autouse=True)
def open_transaction(open_database: Path) -> Iterator[None]:
    del open_database
    with transaction():
        yield


@pytest.fixture
def pushed() -> OAuthRequestRow:
    oauth_requests.insert(PUSHED)
    return PUSHED


@pytest.fixture
def account_id() -> int:
    return accounts.insert(
        NewAccountRow("did:plc:a", "a.test", None, None, "2026-01-01T00:00:00.000Z")
    )


def test_what_is_inserted_is_found(pushed: OAuthRequestRow, account_id: int) -> None:
    whole = dataclasses.replace(
        PUSHED,
        id="req-2",
        browser_hash="b",
        account_id=account_id,
        granted_scope="atproto",
        code_hash="c",
    )

    oauth_requests.insert(whole)

    assert oauth_requests.find("req-1") == pushed
    assert oauth_requests.find("req-2") == whole
    assert oauth_requests.find("req-3") is None
    assert oauth_requests.count() == 2


def test_first_browser_has_the_request(pushed: OAuthRequestRow) -> None:
    assert oauth_requests.bind_browser("req-1", "mine", 6_000)
    assert not oauth_requests.bind_browser("req-1", "another", 7_000)
    assert oauth_requests.bind_browser("req-1", "mine", 8_000)

    expected = dataclasses.replace(pushed, browser_hash="mine", expires_at_us=8_000)
    assert oauth_requests.find("req-1") == expected
    assert not oauth_requests.bind_browser("req-9", "mine", 1)


def test_request_moves_with_its_browser_and_lives_longer(pushed: OAuthRequestRow) -> None:
    oauth_requests.bind_browser("req-1", "mine", 6_000)

    oauth_requests.move_to_browser("another", "another, signed in")
    oauth_requests.move_to_browser("mine", "mine, signed in")
    oauth_requests.extend("req-1", 9_000)

    expected = dataclasses.replace(pushed, browser_hash="mine, signed in", expires_at_us=9_000)
    assert oauth_requests.find("req-1") == expected


def test_code_is_given_once_and_taken_once(pushed: OAuthRequestRow, account_id: int) -> None:
    assert oauth_requests.set_granted("req-1", account_id, "atproto", "code", 9_000)
    assert not oauth_requests.set_granted("req-1", account_id, "atproto", "code 2", 9_000)

    taken = oauth_requests.take_by_code("code")

    assert taken == dataclasses.replace(
        pushed,
        account_id=account_id,
        granted_scope="atproto",
        code_hash="code",
        expires_at_us=9_000,
    )
    assert oauth_requests.take_by_code("code") is None
    assert oauth_requests.find("req-1") is None


def test_delete_says_whether_there_was_something(pushed: OAuthRequestRow) -> None:
    assert oauth_requests.delete(pushed.id)
    assert not oauth_requests.delete(pushed.id)


def test_only_what_has_lapsed_is_swept_away() -> None:
    for name, expires_at_us in (("a", 100), ("b", 200), ("c", 201)):
        oauth_requests.insert(dataclasses.replace(PUSHED, id=name, expires_at_us=expires_at_us))

    assert oauth_requests.delete_expired(200) == 2
    assert oauth_requests.find("c")


def test_what_would_lapse_first_makes_room_first() -> None:
    for name, expires_at_us in (("new", 300), ("opened", 100), ("old", 200)):
        oauth_requests.insert(dataclasses.replace(PUSHED, id=name, expires_at_us=expires_at_us))
    oauth_requests.bind_browser("opened", "b", 400)

    left = []
    for _ in range(3):
        oauth_requests.delete_first_to_lapse(1)
        left.append([name for name in ("old", "new", "opened") if oauth_requests.find(name)])

    assert left == [["new", "opened"], ["opened"], []]
