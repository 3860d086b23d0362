"""Steps of a move that the scenarios do not reach: pictures that do not come, names that stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest

from pds.atproto.cid import cid_for_raw
from pds.errors import BlobNotFoundError, InvalidRequestError
from pds.network.http_client import FetchError
from pds.network.other_home import OtherHome
from pds.services.moving_in import GIVE_UP_AFTER, Arrival, Limits, Lost, Mover, Parts
from pds.storage.database import rows, transaction
from tests.factories import make_account

if TYPE_CHECKING:
    from pds.services import Services

Fetch = Callable[[str, BinaryIO], str]


class FromMemory(Arrival):
    """One whose blobs a function has."""

    fetch: Fetch

    def fetch_blob(self, cid: str, file: BinaryIO) -> str:
        return self.fetch(cid, file)


def parts_of(services: Services) -> Parts:
    return Parts(
        services.identity,
        services.handles,
        services.accounts,
        services.repo_import,
        services.blobs,
        services.preferences,
        services.plc_operations,
    )


@pytest.fixture
def arrival(services: Services, tmp_path: Path) -> FromMemory:
    """Alice, of whose records twelve name a blob that is not here: ``0`` to ``11``."""
    did = make_account(services, "alice").did
    account = services.accounts.get_account(did)
    with transaction():
        for number in range(12):
            rows(
                "INSERT INTO record_blob (account_id, collection, rkey, cid) VALUES (?, ?, ?, ?)",
                (account.id, "com.example.file", str(number), cid_for_raw(b"%d" % number)),
            )
    return FromMemory(did, parts_of(services), tmp_path)


CONTENTS = {str(cid_for_raw(b"%d" % number)): b"%d" % number for number in range(12)}


def test_pictures_come_and_what_does_not_is_named_with_the_reason(arrival: FromMemory) -> None:
    gone, wrong = sorted(CONTENTS)[3], sorted(CONTENTS)[7]
    told: list[tuple[int, int]] = []

    def fetch(cid: str, file: BinaryIO) -> str:
        if cid == gone:
            message = "nobody has it"
            raise BlobNotFoundError(message)
        file.write(b"other" if cid == wrong else CONTENTS[cid])
        return "text/plain"

    arrival.fetch = fetch
    lost = arrival.bring_blobs(lambda done, total: told.append((done, total)))

    assert sorted(lost, key=lambda one: one.cid) == sorted(
        [Lost(gone, "nobody has it"), Lost(wrong, "something else was there in its place")],
        key=lambda one: one.cid,
    )
    assert told == [(number + 1, 12) for number in range(12)]
    assert (arrival.check().expected_blobs, arrival.check().imported_blobs) == (12, 10)

    arrival.fetch = lambda cid, file: str(file.write(CONTENTS[cid])) and ""
    assert arrival.bring_blobs(lambda *_: None) == []
    assert arrival.check().imported_blobs == 12


def test_server_that_is_gone_is_not_asked_for_every_picture(arrival: FromMemory) -> None:
    asked: list[str] = []

    def fetch(cid: str, _file: BinaryIO) -> str:
        asked.append(cid)
        message = "could not be reached"
        raise FetchError(message)

    arrival.fetch = fetch
    with pytest.raises(FetchError):
        arrival.bring_blobs(lambda *_: None)

    assert len(asked) == GIVE_UP_AFTER


class SaysDomains:
    """The old server, as far as it is asked here."""

    def __init__(self, *domains: str) -> None:
        self._domains = domains

    def query_list(self, _nsid: str, name: str) -> list[str]:
        assert name == "availableUserDomains"
        return list(self._domains)


@pytest.mark.parametrize(
    ("handle", "domains", "keeps"),
    [
        ("alice.old.example", [".old.example"], False),
        ("alice.example.com", [".old.example"], True),
        ("alice.bsky.social", [".host.bsky.network"], False),
        ("alice.example.com", [], True),
    ],
)
def test_domain_of_ones_own_stays_the_handle(
    services: Services, tmp_path: Path, handle: str, domains: list[str], keeps: bool
) -> None:
    home = cast("OtherHome", SaysDomains(*domains))
    mover = Mover("did:plc:x", home, parts_of(services), tmp_path, Limits(1, 1))
    mover.old_handle = handle

    assert mover.keeps_handle() is keeps


class SignsElse:
    """An old server that changes what it is asked to sign."""

    origin = "https://old.example"

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def call(self, _nsid: str, body: dict[str, Any]) -> dict[str, Any]:
        signed = {name: value for name, value in body.items() if name != "token"}
        return {"operation": {"type": "plc_operation", **signed, **self._changes}}


@pytest.mark.parametrize(
    "changes",
    [
        {"rotationKeys": ["did:key:zTheirs", "did:key:zOurs"]},
        {"services": {"atproto_pds": {"type": "x", "endpoint": "https://old.example"}}},
        {"alsoKnownAs": []},
    ],
)
def test_what_the_old_server_signs_is_published_only_as_it_was_asked_for(
    services: Services, tmp_path: Path, changes: dict[str, Any]
) -> None:
    did = make_account(services, "alice").did
    home = cast("OtherHome", SignsElse(**changes))
    mover = Mover(did, home, parts_of(services), tmp_path, Limits(1, 1))
    before = services.identity.last_operation(did)

    with pytest.raises(InvalidRequestError, match="signed something else"):
        mover.change_did("code", mover.wanted_document())

    assert services.identity.last_operation(did) == before
