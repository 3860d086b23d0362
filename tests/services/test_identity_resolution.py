"""Identities of anybody: the handle counts only when both sides name each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import (
    DidDeactivatedError,
    HandleNotFoundError,
    InvalidRequestError,
    NoSuchDidError,
    PdsError,
    UnresolvableDidError,
    UpstreamFailureError,
)
from pds.network.did_resolver import DidEndedError, DidNotFoundError, DidResolutionError
from pds.services.identity_resolution import IdentityResolution
from pds.storage.database import rows
from tests.factories import Person, end_did

if TYPE_CHECKING:
    from pds.services import Services

BOB = "did:plc:z72i7hdynmk6r22z27h6tvur"


class Documents:
    """Documents by DID, and how they were asked for."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any] | Exception] = {}
        self.asked: list[tuple[str, bool]] = []

    def did_document(self, did: str, *, force: bool = False) -> dict[str, Any]:
        self.asked.append((did, force))
        found = self.known[did]
        if isinstance(found, Exception):
            raise found
        return found


class Lookup:
    """Handles and what they point to."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.asked: list[str] = []

    def resolve(self, handle: str) -> str:
        self.asked.append(handle)
        if handle not in self.known:
            raise InvalidRequestError
        return self.known[handle]


@pytest.fixture
def documents() -> Documents:
    return Documents()


@pytest.fixture
def lookup() -> Lookup:
    return Lookup()


@pytest.fixture
def resolution(documents: Documents, lookup: Lookup) -> IdentityResolution:
    return IdentityResolution(documents, lookup)


def named(*aliases: str) -> dict[str, Any]:
    return {"id": BOB, "alsoKnownAs": list(aliases)}


@pytest.mark.parametrize(
    ("aliases", "points_to", "handle"),
    [
        (["at://bob.com"], BOB, "bob.com"),
        (["https://bob.com", "at://Bob.com"], BOB, "bob.com"),
        (["at://bob.com"], "did:plc:other", "handle.invalid"),
        (["at://bob.com"], None, "handle.invalid"),
        (["at://not a handle"], BOB, "handle.invalid"),
        ([], BOB, "handle.invalid"),
    ],
)
def test_handle_of_a_did_must_point_back(
    resolution: IdentityResolution,
    documents: Documents,
    lookup: Lookup,
    aliases: list[str],
    points_to: str | None,
    handle: str,
) -> None:
    documents.known[BOB] = named(*aliases)
    if points_to is not None:
        lookup.known["bob.com"] = points_to

    found = resolution.resolve(BOB)

    assert (found.did, found.handle, found.document) == (BOB, handle, named(*aliases))


@pytest.mark.parametrize(
    ("alias", "handle"), [("at://bob.com", "bob.com"), ("at://bob2.com", "handle.invalid")]
)
def test_did_of_a_handle_must_name_it(
    resolution: IdentityResolution, documents: Documents, lookup: Lookup, alias: str, handle: str
) -> None:
    lookup.known["bob.com"] = BOB
    documents.known[BOB] = named(alias)

    found = resolution.resolve("Bob.com")

    assert (found.did, found.handle) == (BOB, handle)
    assert lookup.asked[0] == "bob.com"


def test_handle_that_points_nowhere_is_not_found(resolution: IdentityResolution) -> None:
    with pytest.raises(HandleNotFoundError):
        resolution.resolve("nobody.com")


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (DidNotFoundError("Could not resolve DID"), NoSuchDidError),
        (DidEndedError(), DidDeactivatedError),
        (DidResolutionError("no answer"), UpstreamFailureError),
        (UnresolvableDidError("no answer"), UpstreamFailureError),
    ],
)
def test_failures_have_the_names_of_the_protocol(
    resolution: IdentityResolution, documents: Documents, failure: PdsError, error: type[PdsError]
) -> None:
    documents.known[BOB] = failure

    for ask in (resolution.document, resolution.resolve):
        with pytest.raises(error) as raised:
            ask(BOB)
        assert type(raised.value) is error


def test_unusable_document_has_no_handle(
    resolution: IdentityResolution, documents: Documents
) -> None:
    documents.known[BOB] = {"id": "did:plc:other"}

    assert resolution.resolve(BOB).handle == "handle.invalid"


def test_force_goes_to_the_source(resolution: IdentityResolution, documents: Documents) -> None:
    documents.known[BOB] = named()

    resolution.resolve(BOB)
    resolution.resolve(BOB, force=True)

    assert documents.asked == [(BOB, False), (BOB, True)]


def test_accounts_here_need_nobody_else(services: Services, alice: Person) -> None:
    for name in (alice.did, alice.handle, "ALICE.test"):
        found = services.identity_resolution.resolve(name)
        assert (found.did, found.handle) == (alice.did, "alice.test")

    services.handle_changes.change(alice.did, "alice2.test")
    assert services.identity_resolution.resolve(alice.did).handle == "alice2.test"
    with pytest.raises(HandleNotFoundError):
        services.identity_resolution.resolve("alice.test")


def test_did_that_its_owner_ended_is_told_from_one_that_never_was(
    services: Services, alice: Person
) -> None:
    end_did(services.identity, alice.did)

    for _ in range(2):  # also from memory
        with pytest.raises(DidDeactivatedError):
            services.identity_resolution.document(alice.did)
        with pytest.raises(NoSuchDidError):
            services.identity_resolution.document(BOB)
    assert rows("SELECT * FROM did_cache") == []
