"""getLatestCommit: the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person
from tests.sync_methods import check_availability, get, write_notes

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getLatestCommit"


def test_head_follows_the_writes(services: Services, alice: Person) -> None:
    before = get(services, NSID, did=alice.did)

    write_notes(services, alice, "a")

    after = get(services, NSID, did=alice.did)
    head = services.repos.get_head(alice.row.id)
    assert after == {"cid": str(head.commit), "rev": head.rev}
    assert after["rev"] > before["rev"]


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    check_availability(services, NSID, alice, bob)
