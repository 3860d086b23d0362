"""putRecord: create a record or replace it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import AuthRequiredError, InvalidRequestError, InvalidSwapError
from tests.factories import Person
from tests.repo_methods import (
    CREATED_AT,
    LIKE,
    NOTE,
    OTHER_CID,
    POST,
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


def put(services: Services, person: Person, text: str, **given: Any) -> Any:
    wanted = {"collection": NOTE, "rkey": "a", "record": {"text": text}, **given}
    return repo_call(services, person, "putRecord", **wanted)


def test_put_creates_then_replaces(services: Services, alice: Person) -> None:
    first = put(services, alice, "one")
    assert last_ops() == [("create", f"{NOTE}/a")]
    second = put(services, alice, "two")
    assert last_ops() == [("update", f"{NOTE}/a")]

    assert first["uri"] == second["uri"] == f"at://{alice.did}/{NOTE}/a"
    assert first["cid"] != second["cid"]
    assert second["commit"] == head_of(services, alice)
    found = read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a")
    assert (found["cid"], found["value"]["text"]) == (second["cid"], "two")


def test_put_of_the_same_makes_no_commit(services: Services, alice: Person) -> None:
    first = put(services, alice, "one")
    before = repo_state()

    again = put(services, alice, "one", swapRecord=first["cid"])

    assert again == {k: v for k, v in first.items() if k != "commit"}
    assert repo_state() == before


@pytest.mark.parametrize("text", ["one", "two"], ids=["same", "changed"])
def test_swap_record_must_be_the_current_version(
    services: Services, alice: Person, text: str
) -> None:
    current = put(services, alice, "one")["cid"]
    wanted = {"collection": NOTE, "rkey": "a", "record": {"text": text}}
    for stale in (OTHER_CID, None):
        refuse(
            services, alice, "putRecord", InvalidSwapError, f"Record was at {current}",
            swapRecord=stale, **wanted,
        )  # fmt: skip

    assert put(services, alice, text, swapRecord=current)["uri"]


def test_swap_record_null_means_there_is_none_yet(services: Services, alice: Person) -> None:
    refuse(
        services, alice, "putRecord", InvalidSwapError, "Record was at null",
        swapRecord=OTHER_CID, collection=NOTE, rkey="a", record={},
    )  # fmt: skip

    assert put(services, alice, "one", swapRecord=None)["commit"] == head_of(services, alice)


def test_swap_commit_is_checked_even_when_nothing_would_change(
    services: Services, alice: Person
) -> None:
    put(services, alice, "one")
    refuse(
        services, alice, "putRecord", InvalidSwapError, "Commit was at",
        swapCommit=OTHER_CID, collection=NOTE, rkey="a", record={"text": "one"},
    )  # fmt: skip

    head = head_of(services, alice)["cid"]
    assert put(services, alice, "two", swapCommit=head)["commit"] == head_of(services, alice)


def test_put_replaces_no_other_like(services: Services, alice: Person) -> None:
    value = {"subject": {"uri": f"at://{alice.did}/{POST}/a", "cid": OTHER_CID}}
    for rkey in ("3jzfcijpj2z2a", "3jzfcijpj2z2b"):
        record = {**value, "createdAt": CREATED_AT}
        put(services, alice, "", collection=LIKE, rkey=rkey, record=record)

    assert last_ops() == [("create", f"{LIKE}/3jzfcijpj2z2b")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"collection": POST, "record": {"text": 1}}, "Invalid app.bsky.feed.post record"),
        ({"validate": True}, "Unknown lexicon type"),
        ({"record": {"$type": POST}}, r"Invalid \$type"),
        ({"collection": "app.bsky.actor.profile", "record": {}}, "must be self"),
        ({"swapRecord": "bafkreigh2akiscaildc"}, "swapRecord"),
        ({"swapCommit": "Bafkreigh2akiscaildc"}, "swapCommit"),
    ],
)
def test_bad_record_is_refused(
    services: Services, alice: Person, given: dict[str, Any], message: str
) -> None:
    write_note(services, alice, "a")
    wanted = {"collection": NOTE, "rkey": "a", "record": {"text": "new"}, **given}
    refuse(services, alice, "putRecord", InvalidRequestError, message, **wanted)


def test_repo_of_somebody_else_is_refused(services: Services, alice: Person, bob: Person) -> None:
    refuse(
        services, alice, "putRecord", AuthRequiredError, "another account",
        repo=bob.did, collection=NOTE, rkey="a", record={},
    )  # fmt: skip
