"""createRecord: add one record."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.cid import cid_for_raw
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.errors import (
    AccountDeactivatedError,
    AccountNotFoundError,
    AccountTakedownError,
    AuthRequiredError,
    BlobNotFoundError,
    InvalidMimeTypeError,
    InvalidRequestError,
    InvalidSizeError,
    InvalidSwapError,
    RecordExistsError,
)
from pds.xrpc.method import Caller
from tests.factories import Person, ask, take_down
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

VALUE = {"text": "hello", "createdAt": CREATED_AT}


def create(services: Services, person: Person, **given: Any) -> Any:
    wanted = {"collection": POST, "record": VALUE, **given}
    return repo_call(services, person, "createRecord", **wanted)


def like(services: Services, person: Person, uri: str, **given: Any) -> Any:
    value = {"subject": {"uri": uri, "cid": OTHER_CID}, "createdAt": CREATED_AT}
    return create(services, person, collection=LIKE, record=value, **given)


def test_record_is_written_under_a_new_key(services: Services, alice: Person) -> None:
    reply = create(services, alice)

    assert reply["commit"] == head_of(services, alice)
    assert reply["validationStatus"] == "valid"
    rkey = reply["uri"].removeprefix(f"at://{alice.did}/{POST}/")
    found = read(services, "getRecord", repo=alice.did, collection=POST, rkey=rkey)
    assert (found["uri"], found["cid"]) == (reply["uri"], reply["cid"])
    assert found["value"] == {"$type": POST, **VALUE}
    assert last_ops() == [("create", f"{POST}/{rkey}")]


def test_repo_may_be_named_by_handle_in_any_case(services: Services, alice: Person) -> None:
    reply = create(services, alice, repo="ALICE.test")

    assert reply["uri"].startswith(f"at://{alice.did}/")


def test_keys_rise_although_the_clock_stands_still(services: Services, alice: Person) -> None:
    uris = [create(services, alice)["uri"] for _ in range(5)]

    assert uris == sorted(set(uris))


def test_given_key_is_kept_and_one_that_is_taken_refused(services: Services, alice: Person) -> None:
    wanted = {"collection": NOTE, "rkey": "a:b_c~1.-", "record": {"n": 1}}
    reply = create(services, alice, **wanted)

    assert reply["uri"] == f"at://{alice.did}/{NOTE}/a:b_c~1.-"
    refuse(services, alice, "createRecord", RecordExistsError, f"{NOTE}/a:b_c~1.-", **wanted)


@pytest.mark.parametrize(
    ("validate", "status"), [(None, "unknown"), (False, None)], ids=["unset", "false"]
)
def test_schema_nobody_knows_is_no_obstacle(
    services: Services, alice: Person, validate: bool | None, status: str | None
) -> None:
    wanted = {} if validate is None else {"validate": validate}
    reply = create(services, alice, collection=NOTE, record={"text": 5}, **wanted)

    assert reply.get("validationStatus") == status


def test_known_schema_counts_unless_it_is_switched_off(services: Services, alice: Person) -> None:
    wrong = {"collection": POST, "record": {"text": 5}}
    for validate in ({}, {"validate": True}):
        refuse(
            services, alice, "createRecord", InvalidRequestError, "Invalid app.bsky.feed.post",
            **wrong, **validate,
        )  # fmt: skip

    assert "validationStatus" not in create(services, alice, **wrong, validate=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"collection": NOTE, "record": {}, "validate": True}, "Unknown lexicon type"),
        ({"record": {**VALUE, "$type": LIKE}, "validate": False}, r"Invalid \$type: expected"),
        ({"rkey": "self"}, "TID"),
        ({"collection": "app.bsky.actor.profile", "record": {}}, "must be self"),
        ({"collection": NOTE, "record": {"a": "x" * 1_000_001}}, "Record too large"),
        ({"record": {**VALUE, "x": {"cid": OTHER_CID, "mimeType": "a/b"}}}, "Legacy blobs"),
        ({"swapCommit": "zdpuAyvkgEDQm9TenwGkd5eNaosSxjgEYd8QatfPetgB1CdEZ"}, "swapCommit"),
    ],
)
def test_bad_record_is_refused(
    services: Services, alice: Person, given: dict[str, Any], message: str
) -> None:
    wanted = {"collection": POST, "record": VALUE, **given}
    refuse(services, alice, "createRecord", InvalidRequestError, message, **wanted)


def test_swap_commit_must_be_the_head(services: Services, alice: Person) -> None:
    wanted = {"collection": POST, "record": VALUE}
    head = head_of(services, alice)["cid"]
    refuse(services, alice, "createRecord", InvalidSwapError, head, swapCommit=OTHER_CID, **wanted)

    assert create(services, alice, swapCommit=head)["commit"] == head_of(services, alice)


def test_newer_like_replaces_the_older_one_in_one_commit(services: Services, alice: Person) -> None:
    uri = f"at://{alice.did}/{POST}/a"
    older = like(services, alice, uri)["uri"].rpartition("/")[2]
    other = like(services, alice, uri + "b")["uri"]
    newer = like(services, alice, uri)["uri"].rpartition("/")[2]

    assert last_ops() == [("delete", f"{LIKE}/{older}"), ("create", f"{LIKE}/{newer}")]
    left = read(services, "listRecords", repo=alice.did, collection=LIKE)["records"]
    assert [r["uri"] for r in left] == [f"at://{alice.did}/{LIKE}/{newer}", other]


def test_unchecked_like_replaces_none(services: Services, alice: Person) -> None:
    uri = f"at://{alice.did}/{POST}/a"
    like(services, alice, uri)
    like(services, alice, uri, validate=False)

    left = read(services, "listRecords", repo=alice.did, collection=LIKE)["records"]
    assert len(left) == 2


def test_like_of_a_taken_key_stays_a_conflict(services: Services, alice: Person) -> None:
    uri = f"at://{alice.did}/{POST}/a"
    rkey = like(services, alice, uri)["uri"].rpartition("/")[2]
    value = {"subject": {"uri": uri, "cid": OTHER_CID}, "createdAt": CREATED_AT}

    refuse(
        services, alice, "createRecord", RecordExistsError, rkey,
        collection=LIKE, rkey=rkey, record=value,
    )  # fmt: skip


def test_blob_must_be_what_was_uploaded(services: Services, alice: Person, bob: Person) -> None:
    picture = b"\xff\xd8\xff\xe0" + bytes(100)
    blob = services.blobs.upload(alice.row, io.BytesIO(picture), "image/jpeg").to_value()

    def refuse_blob(error: Any, match: str, person: Person = alice, **changes: Any) -> None:
        record = {"image": {**blob, **changes}}
        refuse(services, person, "createRecord", error, match, collection=NOTE, record=record)

    refuse_blob(BlobNotFoundError, "Could not find blob", ref=cid_for_raw(b"other"))
    refuse_blob(BlobNotFoundError, "Could not find blob", person=bob)
    refuse_blob(InvalidMimeTypeError, "but the record says image/png", mimeType="image/png")
    refuse_blob(InvalidSizeError, "104 bytes, but the record says 5", size=5)
    create(services, alice, collection=NOTE, record={"image": blob, "again": [blob]})
    with services.blobs.open_blob(alice.row, cid_for_raw(picture)).open(0, len(picture)) as file:
        assert file.read() == picture


def test_repo_of_somebody_else_or_nobody_is_refused(
    services: Services, alice: Person, bob: Person
) -> None:
    wanted = {"collection": POST, "record": VALUE}
    refuse(
        services,
        alice,
        "createRecord",
        AuthRequiredError,
        "another account",
        repo=bob.did,
        **wanted,
    )
    refuse(
        services,
        alice,
        "createRecord",
        AccountNotFoundError,
        "nobody",
        repo="nobody.test",
        **wanted,
    )


def test_inactive_account_cannot_write(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    wanted = {"collection": POST, "record": VALUE}
    services.accounts.deactivate(alice.did)
    refuse(services, alice, "createRecord", AccountDeactivatedError, "deactivated", **wanted)
    take_down(alice)
    refuse(services, alice, "createRecord", AccountTakedownError, "taken down", **wanted)


@pytest.mark.parametrize(
    ("scope", "left"), [("repo:*", 1), ("repo:*?action=create", 2), ("transition:generic", 1)]
)
def test_app_that_may_not_delete_leaves_what_a_person_would_replace(
    services: Services, alice: Person, scope: str, left: int
) -> None:
    caller = Caller("user", alice.did, scopes=ScopeSet.parse(f"atproto {scope}"))
    subject = {"uri": f"at://{alice.did}/{POST}/1", "cid": OTHER_CID}
    value = {"subject": subject, "createdAt": CREATED_AT}
    for _ in range(2):
        given = {"repo": alice.did, "collection": LIKE, "record": value}
        ask(services, "com.atproto.repo.createRecord", caller, input=given)

    assert len(read(services, "listRecords", repo=alice.did, collection=LIKE)["records"]) == left
