"""MST nodes of stored repos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.node import MissingBlockError
from pds.services.node_source import NodeSource
from pds.storage import blocks, repo_roots
from pds.storage.database import execute, transaction
from tests.factories import Person
from tests.repo_methods import write_note

if TYPE_CHECKING:
    from pds.services import Services


def root_of(person: Person) -> Cid:
    head = repo_roots.find_head(person.row.id)
    assert head is not None
    return head.data


def test_node_is_read_and_decoded(services: Services, alice: Person) -> None:
    written = write_note(services, alice, "a")

    node = NodeSource().reader(alice.row.id).load(root_of(alice))

    assert node.keys == [b"com.example.note/a"]
    assert [str(cid) for cid in node.values] == [written["cid"]]


def test_unknown_node_is_missing(services: Services, alice: Person, bob: Person) -> None:
    write_note(services, alice, "a")

    for account, cid in ((alice, cid_for_cbor(b"x")), (bob, root_of(alice))):
        with pytest.raises(MissingBlockError):
            NodeSource().reader(account.row.id).load(cid)


def test_node_is_read_from_the_database_once(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    source = NodeSource()
    first = source.reader(alice.row.id).load(root_of(alice))
    with transaction():
        blocks.delete_blocks(alice.row.id, [root_of(alice)])

    assert source.reader(alice.row.id).load(root_of(alice)) is first


def test_nodes_kept_are_bounded(services: Services, alice: Person) -> None:
    roots = []
    for rkey in "abc":
        write_note(services, alice, rkey)
        roots.append(root_of(alice))
        with transaction():  # keep them all on disk
            content = blocks.find_block(alice.row.id, roots[-1])
            assert content is not None
            blocks.save_blocks(-7, "3jzfcijpj2z2a", {roots[-1]: content})
    source = NodeSource(kept_nodes=2)
    for root in roots:
        source.reader(-7).load(root)
    with transaction():
        execute("DELETE FROM block WHERE account_id = -7")

    assert source.find(roots[0]) is None
    assert source.reader(-7).load(roots[2]) is source.find(roots[2])
    with pytest.raises(MissingBlockError):
        source.reader(-7).load(roots[0])
