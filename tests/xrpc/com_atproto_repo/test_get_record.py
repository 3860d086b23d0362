"""getRecord: read one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.errors import InvalidRequestError, RecordNotFoundError
from pds.storage.database import execute, transaction
from tests.factories import Person, take_down
from tests.repo_methods import NOTE, OTHER_CID, read, repo_call, write_note

if TYPE_CHECKING:
    from pds.services import Services


def test_record_comes_with_its_name_and_version(services: Services, alice: Person) -> None:
    value = {
        "$type": NOTE,
        "bytes": b"\x00\xff",
        "link": cid_for_cbor(b"\xa0"),
        "list": [None, True, -(2**53) + 1, "é", {}],
    }
    written = repo_call(
        services, alice, "createRecord", collection=NOTE, rkey="a", record=value
    )  # fmt: skip

    for repo in (alice.did, alice.handle, alice.handle.upper()):
        found = read(services, "getRecord", repo=repo, collection=NOTE, rkey="a")
        assert found == {"uri": written["uri"], "cid": written["cid"], "value": value}


def test_only_the_current_version_is_kept(services: Services, alice: Person) -> None:
    old = write_note(services, alice, "a", "old")["cid"]
    new = write_note(services, alice, "a", "new")["cid"]

    found = read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a", cid=new)
    assert found["value"]["text"] == "new"
    for cid in (old, OTHER_CID):
        with pytest.raises(RecordNotFoundError, match=f"{NOTE}/a"):
            read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a", cid=cid)


def test_missing_record_is_named(services: Services, alice: Person, bob: Person) -> None:
    write_note(services, bob, "a")

    with pytest.raises(RecordNotFoundError, match=f"at://{alice.did}/{NOTE}/a"):
        read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a")


def test_record_that_was_taken_down_is_hidden(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    with transaction():
        execute("UPDATE record SET takedown_ref = 'bad'")

    with pytest.raises(RecordNotFoundError):
        read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a")


def test_repo_that_is_not_here_or_not_active_is_not_found(
    services: Services, alice: Person, bob: Person
) -> None:
    for person in (alice, bob):
        write_note(services, person, "a")
    services.accounts.deactivate(alice.did)
    take_down(bob)

    for repo in (alice.did, bob.handle, "nobody.test"):
        with pytest.raises(InvalidRequestError, match=f"Could not find repo: {repo}"):
            read(services, "getRecord", repo=repo, collection=NOTE, rkey="a")
