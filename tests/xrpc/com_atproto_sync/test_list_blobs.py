"""listBlobs: in pages, all or those of later records."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from pds.errors import InvalidRequestError
from pds.services.record_writes import Write
from tests.factories import Person
from tests.sync_methods import NOTE, check_availability, get

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.listBlobs"


def add_blob(services: Services, person: Person, text: str) -> str:
    """A blob in a record of its own; returns its CID."""
    ref = services.blobs.upload(person.row, io.BytesIO(text.encode()), "text/plain")
    value = {"$type": NOTE, "file": ref.to_value()}
    services.repos.apply_writes(person.row, [Write("create", NOTE, text, value)])
    return str(ref.cid)


def test_all_pages_together_have_every_blob_once(services: Services, alice: Person) -> None:
    cids = {add_blob(services, alice, text) for text in ("a", "b", "c")}

    first = get(services, NSID, did=alice.did, limit="2")
    second = get(services, NSID, did=alice.did, limit="2", cursor=first["cursor"])

    assert len(first["cids"]) == 2
    assert {*first["cids"], *second["cids"]} == cids
    assert "cursor" not in second


def test_since_a_rev(services: Services, alice: Person) -> None:
    add_blob(services, alice, "old")
    rev = services.repos.get_head(alice.row.id).rev
    new = add_blob(services, alice, "new")

    assert get(services, NSID, did=alice.did, since=rev) == {"cids": [new]}


def test_foreign_cursor_is_refused(services: Services, alice: Person) -> None:
    with pytest.raises(InvalidRequestError, match="cursor"):
        get(services, NSID, did=alice.did, cursor="nonsense")


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    check_availability(services, NSID, alice, bob)
