"""Names and pictures from profiles, which may hold anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.services.faces import Face, face_of
from tests.factories import Person, take_down
from tests.stage import Stage

if TYPE_CHECKING:
    from pds.services import Services

PROFILE = "app.bsky.actor.profile"


def write_profile(stage: Stage, person: Person, **fields: Any) -> None:
    stage.ok(
        "com.atproto.repo.putRecord",
        {
            "repo": person.did,
            "collection": PROFILE,
            "rkey": "self",
            "validate": False,
            "record": {"$type": PROFILE, **fields},
        },
        by=person,
    )


def upload(stage: Stage, person: Person) -> dict[str, Any]:
    answer = stage.web.post(
        "/xrpc/com.atproto.repo.uploadBlob",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        Authorization=f"Bearer {person.access_jwt}",
        Content_Type="image/png",
    )
    blob: dict[str, Any] = answer.json["blob"]
    return blob


def test_account_without_a_profile_goes_by_its_handle(alice: Person) -> None:
    assert face_of(alice.row) == Face(alice.did, "alice.test")


def test_name_and_picture_are_those_of_the_profile(stage: Stage, alice: Person) -> None:
    blob = upload(stage, alice)
    write_profile(stage, alice, displayName="Alice Almond", avatar=blob)

    face = face_of(alice.row)

    assert face.name == "Alice Almond"
    assert face.picture is not None
    picture = stage.web.get(face.picture)
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/png")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", None),
        ("  \n ", None),
        ("a\u202eb\nc", "a b c"),
        ("x" * 100, "x" * 64),
        (7, None),
        (["Alice"], None),
    ],
)
def test_name_is_one_short_line(stage: Stage, alice: Person, written: Any, shown: Any) -> None:
    write_profile(stage, alice, displayName=written)

    assert face_of(alice.row).name == shown


@pytest.mark.parametrize("written", ["x", 7, {}, {"ref": "x"}, {"ref": {"x": 1}}, []])
def test_what_is_no_picture_is_not_shown(stage: Stage, alice: Person, written: Any) -> None:
    write_profile(stage, alice, avatar=written, displayName="Alice")

    assert face_of(alice.row) == Face(alice.did, "alice.test", "Alice")


def test_picture_is_served_for_active_accounts_only(
    stage: Stage, services: Services, alice: Person
) -> None:
    write_profile(stage, alice, avatar=upload(stage, alice))
    services.accounts.deactivate(alice.did)
    assert face_of(alice.row).picture is None
    take_down(alice)
    assert face_of(alice.row).picture is None
