"""describeRepo: who a repo belongs to and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import (
    RepoDeactivatedError,
    RepoNotFoundError,
    RepoTakendownError,
    UnresolvableDidError,
)
from pds.services.identity import Identity
from pds.storage import accounts
from pds.storage.database import execute, transaction
from tests.factories import Person, take_down
from tests.repo_methods import NOTE, POST, read, repo_call, write_note

if TYPE_CHECKING:
    from pds.services import Services


def test_reply_tells_who_and_what(services: Services, alice: Person, bob: Person) -> None:
    for rkey in ("a", "b"):
        write_note(services, alice, rkey)
    value = {"text": "a", "createdAt": "2026-01-01T00:00:00Z"}
    repo_call(services, alice, "createRecord", collection=POST, record=value)
    repo_call(services, bob, "createRecord", collection="com.example.other", record={})

    for repo in (alice.did, alice.handle):
        assert read(services, "describeRepo", repo=repo) == {
            "did": alice.did,
            "handle": "alice.test",
            "didDoc": services.identity.did_document(alice.did),
            "collections": [POST, NOTE],
            "handleIsCorrect": True,
        }


def test_collection_without_records_is_not_named(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    repo_call(services, alice, "deleteRecord", collection=NOTE, rkey="a")

    assert read(services, "describeRepo", repo=alice.did)["collections"] == []


def test_handle_that_the_document_does_not_claim_is_told(services: Services, alice: Person) -> None:
    with transaction():
        accounts.set_handle(alice.row.id, "other.test")
    reply = read(services, "describeRepo", repo=alice.did)
    assert (reply["handle"], reply["handleIsCorrect"]) == ("other.test", False)

    with transaction():
        execute("UPDATE account SET handle = NULL")
    reply = read(services, "describeRepo", repo=alice.did)
    assert (reply["handle"], reply["handleIsCorrect"]) == ("handle.invalid", False)


def test_repo_that_may_not_be_shown_says_why(
    services: Services, alice: Person, bob: Person
) -> None:
    services.accounts.deactivate(alice.did)
    take_down(bob)

    for repo, error in (
        (alice.did, RepoDeactivatedError),
        (bob.handle, RepoTakendownError),
        ("nobody.test", RepoNotFoundError),
    ):
        with pytest.raises(error):
            read(services, "describeRepo", repo=repo)


def test_document_that_cannot_be_had_is_an_error(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_settings: object) -> None:
        raise UnresolvableDidError

    monkeypatch.setattr(Identity, "did_document", fail)
    with pytest.raises(UnresolvableDidError):
        read(services, "describeRepo", repo=alice.did)
