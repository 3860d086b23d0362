"""applyWrites: change several records in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import (
    AuthRequiredError,
    InvalidRequestError,
    InvalidSwapError,
    RecordExistsError,
)
from pds.xrpc.loading import load_methods
from tests.factories import Person, make_call, read_events
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
    write_note,
)

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.repo.applyWrites"


def write(kind: str, rkey: str | None, text: str | None = "hello", **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"$type": f"{NSID}#{kind}", "collection": NOTE, **given}
    if rkey is not None:
        found["rkey"] = rkey
    if kind != "delete":
        found.setdefault("value", {"text": text})
    return found


def apply(services: Services, person: Person, *writes: dict[str, Any], **given: Any) -> Any:
    return repo_call(services, person, "applyWrites", writes=list(writes), **given)


def test_batch_is_one_commit_with_results_in_order(services: Services, alice: Person) -> None:
    for rkey in ("old", "gone"):
        write_note(services, alice, rkey)
    events_before = len(read_events())

    reply = apply(
        services,
        alice,
        write("create", None),
        write("update", "old", "new"),
        write("delete", "gone"),
    )

    assert reply["commit"] == head_of(services, alice)
    assert len(read_events()) == events_before + 1
    created, updated, deleted = reply["results"]
    assert created["$type"] == f"{NSID}#createResult"
    assert updated["$type"] == f"{NSID}#updateResult"
    assert updated["uri"] == f"at://{alice.did}/{NOTE}/old"
    assert deleted == {"$type": f"{NSID}#deleteResult"}
    rkey = created["uri"].rpartition("/")[2]
    assert sorted(last_ops()) == [
        ("create", f"{NOTE}/{rkey}"),
        ("delete", f"{NOTE}/gone"),
        ("update", f"{NOTE}/old"),
    ]
    for result in (created, updated):
        key = result["uri"].rpartition("/")[2]
        found = read(services, "getRecord", repo=alice.did, collection=NOTE, rkey=key)
        assert found["cid"] == result["cid"]


def test_empty_batch_is_a_commit_without_changes(services: Services, alice: Person) -> None:
    before = head_of(services, alice)

    reply = apply(services, alice)

    assert reply == {"commit": head_of(services, alice), "results": []}
    assert reply["commit"]["rev"] > before["rev"]
    assert last_ops() == []


def test_validate_counts_for_every_write(services: Services, alice: Person) -> None:
    post = {"text": "a", "createdAt": CREATED_AT}
    wanted = [
        write("create", "3jzfcijpj2z2a", collection=POST, value=post),
        write("create", "a"),
    ]

    statuses = [r["validationStatus"] for r in apply(services, alice, *wanted)["results"]]
    assert statuses == ["valid", "unknown"]
    refuse(
        services, alice, "applyWrites", InvalidRequestError, "Unknown lexicon type",
        writes=[write("create", "b")], validate=True,
    )  # fmt: skip
    reply = apply(services, alice, write("create", "self", collection=POST), validate=False)
    assert "validationStatus" not in reply["results"][0]


def test_batch_replaces_no_older_like(services: Services, alice: Person) -> None:
    subject = {"uri": f"at://{alice.did}/{POST}/a", "cid": OTHER_CID}
    value = {"subject": subject, "createdAt": CREATED_AT}
    for _ in range(2):
        apply(services, alice, write("create", None, collection=LIKE, value=value))

    assert [action for action, _ in last_ops()] == ["create"]
    assert len(read(services, "listRecords", repo=alice.did, collection=LIKE)["records"]) == 2


BAD: list[tuple[str, list[dict[str, Any]], type[Any], str]] = [
    ("taken", [write("create", "x"), write("create", "a")], RecordExistsError, f"{NOTE}/a"),
    ("twice", [write("create", "x"), write("create", "x")], RecordExistsError, f"{NOTE}/x"),
    ("update", [write("create", "x"), write("update", "b")], InvalidRequestError, "no record"),
    ("lone update", [write("update", "b")], InvalidRequestError, "no record"),
    ("delete", [write("create", "x"), write("delete", "b")], InvalidRequestError, "no record"),
    ("lone delete", [write("delete", "b")], InvalidRequestError, "no record"),
    (
        "schema",
        [write("create", "x"), write("create", "3jzfcijpj2z2a", collection=POST, value={})],
        InvalidRequestError,
        "Invalid app.bsky.feed.post record",
    ),
    (
        "type",
        [write("create", "x"), write("update", "a", value={"$type": POST})],
        InvalidRequestError,
        r"Invalid \$type",
    ),
    (
        "too many",
        [write("create", f"k{n}") for n in range(201)],
        InvalidRequestError,
        "Too many writes. Max: 200",
    ),
    (
        "event too large",
        [write("create", f"k{n}", str(n) * 900_000) for n in range(3)],
        InvalidRequestError,
        "Max event size: 2MB",
    ),
]


@pytest.mark.parametrize(
    ("writes", "error", "match"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_bad_write_refuses_the_whole(
    services: Services, alice: Person, writes: list[dict[str, Any]], error: type[Any], match: str
) -> None:
    write_note(services, alice, "a")
    refuse(services, alice, "applyWrites", error, match, writes=writes)


def test_two_hundred_writes_are_allowed(services: Services, alice: Person) -> None:
    reply = apply(services, alice, *(write("create", f"k{n}") for n in range(200)))

    assert len(reply["results"]) == 200


def test_swap_commit_must_be_the_head(services: Services, alice: Person) -> None:
    head = head_of(services, alice)["cid"]
    for writes in ([], [write("create", "a")]):
        refuse(
            services, alice, "applyWrites", InvalidSwapError, f"Commit was at {head}",
            writes=writes, swapCommit=OTHER_CID,
        )  # fmt: skip

    assert apply(services, alice, write("create", "a"), swapCommit=head)["commit"]


def test_repo_of_somebody_else_is_refused(services: Services, alice: Person, bob: Person) -> None:
    refuse(
        services, alice, "applyWrites", AuthRequiredError, "another account",
        repo=bob.did, writes=[],
    )  # fmt: skip


def test_points_of_a_batch_are_those_of_its_writes(services: Services) -> None:
    writes = [write("create", "a"), write("update", "b"), write("delete", "c")]
    call = make_call(services, input={"writes": writes})

    for limit in load_methods()[NSID].limits:
        assert limit.cost is not None
        assert limit.cost(call) == 3 + 2 + 1
