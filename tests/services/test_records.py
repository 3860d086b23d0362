"""Reading records: what the public may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import Cid
from pds.errors import InvalidRequestError, RecordNotFoundError
from pds.storage import accounts
from pds.storage.database import execute, transaction
from tests.factories import Person, take_down
from tests.repo_methods import NOTE, OTHER_CID, POST, repo_call, write_note

if TYPE_CHECKING:
    from pds.services import Services


def test_account_is_found_by_did_or_handle(services: Services, alice: Person) -> None:
    for name in (alice.did, alice.handle, "Alice.Test"):
        assert services.records.get_public_account(name).did == alice.did


def test_account_that_is_not_active_is_not_public(services: Services, alice: Person) -> None:
    def refuse() -> None:
        with pytest.raises(InvalidRequestError, match=f"Could not find repo: {alice.did}"):
            services.records.get_public_account(alice.did)

    services.accounts.deactivate(alice.did)
    refuse()
    services.accounts.activate(alice.did)
    take_down(alice)
    refuse()
    with transaction():
        accounts.set_takedown(alice.row.id, None)
        execute("UPDATE account SET pendingOperation = '{}'")
    refuse()


def test_record_is_decoded(services: Services, alice: Person) -> None:
    written = write_note(services, alice, "a", "hello")

    found = services.records.get(alice.handle, NOTE, "a")

    assert found.uri == f"at://{alice.did}/{NOTE}/a"
    assert str(found.cid) == written["cid"]
    assert type(found.cid) is Cid
    assert found.value == {"$type": NOTE, "text": "hello"}
    assert services.records.get(alice.did, NOTE, "a", written["cid"]) == found


@pytest.mark.parametrize(
    ("collection", "rkey", "cid"), [(NOTE, "b", None), (POST, "a", None), (NOTE, "a", OTHER_CID)]
)
def test_other_record_or_version_is_not_found(
    services: Services, alice: Person, collection: str, rkey: str, cid: str | None
) -> None:
    write_note(services, alice, "a")
    with pytest.raises(RecordNotFoundError, match=f"at://{alice.did}/{collection}/{rkey}"):
        services.records.get(alice.did, collection, rkey, cid)


def test_page_is_cut_and_turned(services: Services, alice: Person) -> None:
    for rkey in "abcd":
        write_note(services, alice, rkey, rkey)

    def page(limit: int, cursor: str | None, *, reverse: bool) -> str:
        found = services.records.list_page(
            alice.did, NOTE, limit=limit, cursor=cursor, reverse=reverse
        )
        assert all(view.uri == f"at://{alice.did}/{NOTE}/{view.value['text']}" for view in found)
        return "".join(view.value["text"] for view in found)

    assert page(10, None, reverse=False) == "dcba"
    assert page(2, None, reverse=False) == "dc"
    assert page(2, "c", reverse=False) == "ba"
    assert page(2, "a", reverse=False) == ""
    assert page(3, None, reverse=True) == "abc"
    assert page(3, "b", reverse=True) == "cd"


def test_collections_are_sorted_and_only_those_in_use(
    services: Services, alice: Person, bob: Person
) -> None:
    assert services.records.collections(alice.row) == []
    for collection in ("com.example.b", "com.example.a", "com.example.a.b", NOTE):
        for rkey in ("1", "2"):
            repo_call(
                services, alice, "createRecord", collection=collection, rkey=rkey, record={}
            )  # fmt: skip
    repo_call(services, bob, "createRecord", collection="com.example.bobs", record={})

    assert services.records.collections(alice.row) == [
        "com.example.a",
        "com.example.a.b",
        "com.example.b",
        NOTE,
    ]
