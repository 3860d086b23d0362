"""The table of records."""

from __future__ import annotations

import pytest

from pds.atproto.cid import Cid, cid_for_cbor
from pds.storage import records
from pds.storage.database import execute, row, rows, transaction
from pds.storage.records import RecordRow

pytestmark = pytest.mark.usefixtures("open_database")

NOTE = "com.example.note"
LIKE = "com.example.like"
REV = "3jzfcijpj2z2a"


def make(rkey: str, text: str = "a", collection: str = NOTE, link: str | None = None) -> RecordRow:
    content = b"\x61" + text.encode()[:1]
    return RecordRow(collection, rkey, cid_for_cbor(content), content, link)


def save(*made: RecordRow, account: int = 1, rev: str = REV, now_us: int = 5) -> None:
    with transaction():
        records.save_records(account, rev, now_us, list(made))


def keys(collection: str = NOTE, *, account: int = 1, **how: object) -> str:
    options = {"limit": 100, "cursor": None, "reverse": False, **how}
    found = records.list_records(account, collection, **options)  # type: ignore[arg-type]
    return "".join(rkey for rkey, _, _ in found)


def test_saved_record_is_found() -> None:
    made = make("a")
    save(made)

    assert records.find_record(1, NOTE, "a") == (made.cid, made.content, None)
    found = records.find_record_cid(1, NOTE, "a")
    assert found == made.cid
    assert type(found) is Cid
    for account, collection, rkey in ((2, NOTE, "a"), (1, LIKE, "a"), (1, NOTE, "A")):
        assert records.find_record(account, collection, rkey) is None
        assert records.find_record_cid(account, collection, rkey) is None


def test_record_saved_again_is_replaced_but_stays_taken_down() -> None:
    save(make("a", "a", link="x"))
    with transaction():
        execute("UPDATE record SET takedown_ref = 'bad'")

    save(make("a", "b"), rev="3jzfcijpj2z2b", now_us=6)

    new = make("a", "b")
    assert records.find_record(1, NOTE, "a") == (new.cid, new.content, "bad")
    assert row("SELECT rev, indexed_at_us, link_target FROM record") == ("3jzfcijpj2z2b", 6, None)
    assert records.count_records(1) == 1


def test_pages_run_in_both_directions() -> None:
    save(*(make(rkey) for rkey in "cabed"))
    save(make("x"), account=2)
    save(make("y", collection="com.example.notes"))

    assert keys() == "edcba"
    assert keys(reverse=True) == "abcde"
    assert keys(limit=2) == "ed"
    assert keys(limit=2, cursor="d") == "cb"
    assert keys(limit=2, cursor="d", reverse=True) == "e"
    assert keys(cursor="a") == keys(cursor="e", reverse=True) == ""
    assert keys(account=2) == "x"


def test_keys_are_ordered_by_their_bytes() -> None:
    save(*(make(rkey) for rkey in "aZ_~0-.:"))

    assert keys(reverse=True) == "".join(sorted("aZ_~0-.:"))


def test_taken_down_records_are_not_listed() -> None:
    save(*(make(rkey) for rkey in "abc"))
    with transaction():
        execute("UPDATE record SET takedown_ref = 'bad' WHERE rkey = 'b'")

    assert keys() == "ca"
    assert keys(limit=1, cursor="c") == "a"


def test_records_are_found_by_what_they_point_at() -> None:
    save(
        make("b", collection=LIKE, link="x"),
        make("a", collection=LIKE, link="x"),
        make("c", collection=LIKE, link="y"),
        make("d", link="x"),
        make("e", collection=LIKE),
    )
    save(make("f", collection=LIKE, link="x"), account=2)

    assert records.find_by_link(1, LIKE, "x") == ["a", "b"]
    assert records.find_by_link(1, LIKE, "z") == []


def plan(sql: str, *params: object) -> str:
    return "; ".join(str(step[-1]) for step in rows(f"EXPLAIN QUERY PLAN {sql}", params))


def test_links_are_looked_up_without_reading_the_collection() -> None:
    assert "record_link_target" in plan(records._LINKS, 1, LIKE, "x")


@pytest.mark.parametrize("direction", ["", " DESC"])
@pytest.mark.parametrize("after", ["", " AND rkey > 'a'"])
def test_pages_are_read_in_their_order(after: str, direction: str) -> None:
    steps = plan(records._LIST.format(after=after, direction=direction), 1, NOTE, 10)

    assert steps.startswith("SEARCH record USING INDEX sqlite_autoindex_record_1")
    assert "TEMP B-TREE" not in steps


def test_collections_are_named_once_and_sorted() -> None:
    assert records.list_collections(1) == []
    save(*(make(rkey, collection=name) for rkey in "ab" for name in ("b.b.b", "a.a.a", "a.a.aa")))
    save(make("a", collection="z.z.z"), account=2)

    assert records.list_collections(1) == ["a.a.a", "a.a.aa", "b.b.b"]


def test_only_named_records_are_deleted() -> None:
    save(*(make(rkey) for rkey in "abc"), make("a", collection=LIKE))
    save(make("a"), account=2)

    with transaction():
        records.delete_records(1, [(NOTE, "a"), (NOTE, "c"), (NOTE, "none")])

    assert (keys(), keys(LIKE), keys(account=2)) == ("b", "a", "a")
    assert (records.count_records(1), records.count_records(2), records.count_records(3)) == (
        2,
        1,
        0,
    )


def test_equal_contents_are_records_of_their_own() -> None:
    save(make("a"), make("b"))
    with transaction():
        records.delete_records(1, [(NOTE, "a")])

    assert records.find_record_cid(1, NOTE, "b") == make("b").cid
