from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.storage import oauth_seen
from pds.storage.database import rows, transaction


@pytest.fixture(autouse=True)
def open_transaction(open_database: Path) -> Iterator[None]:
    del open_database
    with transaction():
        yield


def test_each_thing_is_new_once_until_it_lapses() -> None:
    assert oauth_seen.add("jti", "a", expires_at_us=100, now_us=0)
    assert not oauth_seen.add("jti", "a", expires_at_us=300, now_us=99)
    assert oauth_seen.add("jti", "a", expires_at_us=200, now_us=100)
    assert not oauth_seen.add("jti", "a", expires_at_us=300, now_us=199)


def test_kinds_and_keys_are_apart() -> None:
    assert oauth_seen.add("jti", "a", expires_at_us=100, now_us=0)
    assert oauth_seen.add("jti", "b", expires_at_us=100, now_us=0)
    assert oauth_seen.add("challenge", "a", expires_at_us=100, now_us=0)


def test_only_what_has_lapsed_is_forgotten() -> None:
    for key, expires_at_us in (("a", 100), ("b", 200), ("c", 201)):
        oauth_seen.add("jti", key, expires_at_us=expires_at_us, now_us=0)

    assert oauth_seen.delete_expired(200) == 2
    assert rows("SELECT key FROM oauth_seen") == [("c",)]
