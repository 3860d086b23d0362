"""Which posts and profiles are newer than a rev."""

from __future__ import annotations

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.storage import newer_records, records
from pds.storage.database import execute, transaction
from pds.storage.newer_records import LATEST, MAX_NEWER, POST, PROFILE, SAMPLE
from pds.storage.records import RecordRow

pytestmark = pytest.mark.usefixtures("open_database")

LIKE = "app.bsky.feed.like"


def rev(number: int) -> str:
    digits = "234567abcdefghijklmnopqrstuvwxyz"
    return f"3jzfcijpj2z{digits[number // 32]}{digits[number % 32]}"


def save(number: int, collection: str = POST, rkey: str | None = None, account: int = 1) -> None:
    """A record with the rev of that number, which is then the repo's."""
    content = b"%d" % number
    made = RecordRow(collection, rkey or rev(number), cid_for_cbor(content), content)
    with transaction():
        records.save_records(account, rev(number), number, [made])
        execute(
            "INSERT OR IGNORE INTO account (id, did, createdAt, invitesDisabled)"
            " VALUES (?, ?, '', 0)",
            (account, f"did:{account}"),
        )
        execute(
            "INSERT INTO repo_root VALUES (?, x'', ?, x'', x'')"
            " ON CONFLICT (account_id) DO UPDATE SET rev = excluded.rev",
            (account, rev(number)),
        )


def found(after: int, account: int = 1) -> list[int]:
    return [row.indexed_at_us for row in newer_records.find_newer(account, rev(after))]


def test_newer_posts_and_the_profile_are_found_oldest_first() -> None:
    save(1)
    save(2, PROFILE, "self")
    save(3)
    save(4, LIKE)
    save(5, PROFILE, "other")

    assert found(0) == [1, 2, 3]
    assert found(1) == [2, 3]
    assert found(3) == []
    assert found(5) == []
    [row] = newer_records.find_newer(1, rev(2))
    assert (row.collection, row.rkey, row.content) == (POST, rev(3), b"3")
    assert row.cid == cid_for_cbor(b"3")


def test_other_repos_do_not_count() -> None:
    save(1)
    save(9, account=2)

    assert found(1) == []
    assert found(0, account=3) == []


def test_only_the_oldest_few_are_taken() -> None:
    for number in range(1, MAX_NEWER + 5):
        save(number)

    assert found(0) == list(range(1, MAX_NEWER + 1))


def test_what_is_taken_down_is_left_out() -> None:
    save(1)
    save(2)
    with transaction():
        execute("UPDATE record SET takedown_ref = 'x' WHERE rev = ?", (rev(1),))

    assert found(0) == [2]


def test_only_posts_with_the_greatest_keys_are_looked_at() -> None:
    for number in range(LATEST):
        save(number)
    save(LATEST, rkey="2222222222222")

    assert found(LATEST - 1) == []
    with transaction():
        execute("DELETE FROM record WHERE rev = ?", (rev(1),))
    assert found(LATEST - 1) == [LATEST]


def test_a_sample_says_whether_anything_is_older() -> None:
    assert not newer_records.has_older(1, rev(9))
    save(5)

    assert newer_records.has_older(1, rev(5))
    assert not newer_records.has_older(1, rev(4))
    assert not newer_records.has_older(2, rev(5))
    assert SAMPLE == 1_000
