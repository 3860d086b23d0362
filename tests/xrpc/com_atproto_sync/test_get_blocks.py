"""getBlocks: the blocks asked for, or the names of those that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.errors import BlockNotFoundError
from tests.factories import Person
from tests.sync_methods import car_of, check_availability, get, write_notes

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getBlocks"


def test_commit_node_and_record_are_blocks(services: Services, alice: Person) -> None:
    write_notes(services, alice, "a", "b")
    _, whole = car_of(get(services, "com.atproto.sync.getRepo", did=alice.did))

    roots, found = car_of(get(services, NSID, did=alice.did, cids=[str(cid) for cid in whole]))

    assert roots == []
    assert found == whole


def test_unknown_block_is_named(services: Services, alice: Person) -> None:
    unknown = str(cid_for_cbor(b"nothing"))

    with pytest.raises(BlockNotFoundError, match=unknown) as caught:
        get(services, NSID, did=alice.did, cids=[unknown])

    assert (caught.value.status, caught.value.error) == (400, "BlockNotFound")


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    head, _ = services.repo_export.latest_commit(alice.row)

    check_availability(services, NSID, alice, bob, cids=[str(head)])
