"""getHead: what old clients ask for the head with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person
from tests.sync_methods import check_availability, get, write_notes

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getHead"


def test_root_is_the_latest_commit(services: Services, alice: Person) -> None:
    write_notes(services, alice, "a")

    assert get(services, NSID, did=alice.did) == {
        "root": str(services.repos.get_head(alice.row.id).commit)
    }


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    check_availability(services, NSID, alice, bob)
