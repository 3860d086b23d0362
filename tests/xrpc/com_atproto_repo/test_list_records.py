"""listRecords: page through a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.lexicon.errors import InvalidValueError
from pds.errors import InvalidRequestError
from pds.storage.database import execute, transaction
from tests.factories import Person, take_down
from tests.repo_methods import NOTE, read, repo_call, write_note

if TYPE_CHECKING:
    from pds.services import Services


@pytest.fixture
def notes(services: Services, alice: Person, bob: Person) -> list[str]:
    """Keys of five notes of alice, oldest first; there are other records around them."""
    for rkey in "abcde":
        write_note(services, alice, rkey)
    write_note(services, bob, "x")
    for collection in ("com.example.nota", "com.example.noted"):
        repo_call(services, alice, "createRecord", collection=collection, rkey="c", record={})
    return list("abcde")


def keys(page: Any) -> list[str]:
    return [record["uri"].rpartition("/")[2] for record in page["records"]]


def list_notes(services: Services, person: Person, **params: Any) -> Any:
    return read(services, "listRecords", repo=person.did, collection=NOTE, **params)


def test_newest_key_comes_first(services: Services, alice: Person, notes: list[str]) -> None:
    page = list_notes(services, alice)

    assert keys(page) == notes[::-1]
    first = page["records"][0]
    assert first == read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="e")


@pytest.mark.parametrize("reverse", ["false", "true"])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_join_to_the_whole(
    services: Services, alice: Person, notes: list[str], limit: int, reverse: str
) -> None:
    found: list[str] = []
    params: dict[str, Any] = {"limit": limit, "reverse": reverse}
    while (page := list_notes(services, alice, **params))["records"]:
        assert len(page["records"]) <= limit
        found += keys(page)
        params["cursor"] = page["cursor"]

    assert found == (notes if reverse == "true" else notes[::-1])
    assert page == {"records": []}


def test_page_goes_on_where_the_cursor_record_was_deleted(
    services: Services, alice: Person, notes: list[str]
) -> None:
    del notes
    cursor = list_notes(services, alice, limit=2)["cursor"]
    repo_call(services, alice, "deleteRecord", collection=NOTE, rkey=cursor)

    assert keys(list_notes(services, alice, cursor=cursor)) == ["c", "b", "a"]


def test_records_that_were_taken_down_are_left_out(
    services: Services, alice: Person, notes: list[str]
) -> None:
    del notes
    with transaction():
        execute("UPDATE record SET takedown_ref = 'bad' WHERE rkey IN ('b', 'e')")

    page = list_notes(services, alice, limit=2)

    assert (keys(page), page["cursor"]) == (["d", "c"], "c")


def test_unknown_collection_is_empty(services: Services, alice: Person) -> None:
    reply = read(services, "listRecords", repo=alice.handle, collection="org.example.none")

    assert reply == {"records": []}


@pytest.mark.parametrize("cursor", ["a/b", "..", "é", "x" * 513])
def test_cursor_that_is_no_key_is_refused(services: Services, alice: Person, cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="Malformed cursor"):
        list_notes(services, alice, cursor=cursor)


@pytest.mark.parametrize("limit", [0, 101, -1, "x"])
def test_limit_is_from_1_to_100(services: Services, alice: Person, limit: Any) -> None:
    with pytest.raises(InvalidValueError, match="limit"):
        list_notes(services, alice, limit=limit)


def test_repo_that_is_not_here_or_not_active_is_not_found(
    services: Services, alice: Person, bob: Person
) -> None:
    services.accounts.deactivate(alice.did)
    take_down(bob)

    for repo in (alice.did, bob.handle, "nobody.test"):
        with pytest.raises(InvalidRequestError, match=f"Could not find repo: {repo}"):
            read(services, "listRecords", repo=repo, collection=NOTE)
