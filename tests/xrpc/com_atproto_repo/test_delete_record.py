"""deleteRecord: remove one record; a missing one is fine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import AuthRequiredError, InvalidSwapError, RecordNotFoundError
from tests.factories import Person
from tests.repo_methods import (
    NOTE,
    OTHER_CID,
    head_of,
    last_ops,
    read,
    refuse,
    repo_call,
    repo_state,
    write_note,
)

if TYPE_CHECKING:
    from pds.services import Services


def delete(services: Services, person: Person, rkey: str = "a", **given: Any) -> Any:
    return repo_call(services, person, "deleteRecord", collection=NOTE, rkey=rkey, **given)


def test_record_is_gone_and_the_rest_stays(services: Services, alice: Person) -> None:
    for rkey in ("a", "b"):
        write_note(services, alice, rkey)

    reply = delete(services, alice)

    assert reply == {"commit": head_of(services, alice)}
    assert last_ops() == [("delete", f"{NOTE}/a")]
    with pytest.raises(RecordNotFoundError):
        read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a")
    left = read(services, "listRecords", repo=alice.did, collection=NOTE)["records"]
    assert [record["uri"] for record in left] == [f"at://{alice.did}/{NOTE}/b"]


def test_missing_record_is_no_commit(services: Services, alice: Person) -> None:
    write_note(services, alice, "b")
    before = repo_state()

    assert delete(services, alice) == {}
    assert delete(services, alice, swapCommit=head_of(services, alice)["cid"]) == {}
    assert repo_state() == before


def test_stale_swaps_are_refused(services: Services, alice: Person) -> None:
    current = write_note(services, alice, "a")["cid"]
    head = head_of(services, alice)["cid"]

    def refuse_swap(match: str, **given: Any) -> None:
        refuse(services, alice, "deleteRecord", InvalidSwapError, match, collection=NOTE, **given)

    refuse_swap(f"Record was at {current}", rkey="a", swapRecord=OTHER_CID)
    refuse_swap("Record was at null", rkey="b", swapRecord=current)
    refuse_swap(f"Commit was at {head}", rkey="a", swapCommit=OTHER_CID)
    refuse_swap(f"Commit was at {head}", rkey="b", swapCommit=OTHER_CID)
    assert delete(services, alice, swapRecord=current, swapCommit=head)["commit"]


def test_repo_of_somebody_else_is_refused(services: Services, alice: Person, bob: Person) -> None:
    write_note(services, bob, "a")
    refuse(
        services, alice, "deleteRecord", AuthRequiredError, "another account",
        repo=bob.did, collection=NOTE, rkey="a",
    )  # fmt: skip
