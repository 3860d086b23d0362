"""getRecord: a record that proves itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.atproto import dag_cbor
from pds.atproto.commit import decode_commit
from pds.atproto.mst.check import verified_source
from pds.atproto.mst.tree import Tree
from tests.factories import Person
from tests.sync_methods import NOTE, car_of, check_availability, get, write_notes

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getRecord"


def test_record_is_proven_by_the_blocks_alone(services: Services, alice: Person) -> None:
    write_notes(services, alice, "a", "b", "c")

    roots, blocks = car_of(get(services, NSID, did=alice.did, collection=NOTE, rkey="b"))

    commit = decode_commit(blocks[roots[0]])
    cid = Tree(verified_source(blocks), commit.data).get(f"{NOTE}/b")
    assert cid is not None
    assert dag_cbor.decode(blocks[cid]) == {"$type": NOTE, "text": "b"}


def test_absence_is_proven_too(services: Services, alice: Person) -> None:
    write_notes(services, alice, "a", "c")

    roots, blocks = car_of(get(services, NSID, did=alice.did, collection=NOTE, rkey="b"))

    commit = decode_commit(blocks[roots[0]])
    assert Tree(verified_source(blocks), commit.data).get(f"{NOTE}/b") is None


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    check_availability(services, NSID, alice, bob, collection=NOTE, rkey="a")
