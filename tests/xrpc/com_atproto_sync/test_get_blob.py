"""getBlob: the bytes, in a form that no browser mistakes for a page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import Cid, cid_for_raw
from pds.errors import BlobNotFoundError, InvalidRequestError
from pds.services.record_writes import Write
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import Person
from tests.sync_methods import NOTE, check_availability, content_of, get

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getBlob"
PAGE = b"<html><script>alert(1)</script>"


def add_blob(services: Services, person: Person) -> Cid:
    ref = services.blobs.upload(person.row, io.BytesIO(PAGE), "text/html")
    value = {"$type": NOTE, "file": ref.to_value()}
    services.repos.apply_writes(person.row, [Write("create", NOTE, "a", value)])
    return ref.cid


def test_blob_comes_with_its_type_and_guards(services: Services, alice: Person) -> None:
    cid = add_blob(services, alice)

    reply = get(services, NSID, did=alice.did, cid=str(cid))

    assert reply.content_type == "text/html"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{cid}"'
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert reply.headers["ETag"] == f'"{cid}"'
    assert content_of(reply) == PAGE


def test_blob_of_an_inactive_account_is_not_for_caches(services: Services, alice: Person) -> None:
    cid = add_blob(services, alice)
    services.accounts.deactivate(alice.did)

    reply = get(services, NSID, alice.caller, did=alice.did, cid=str(cid))

    assert reply.headers["Cache-Control"] == "private, no-store"
    content_of(reply)


def test_unused_upload_is_private_even_to_its_owner(services: Services, alice: Person) -> None:
    ref = services.blobs.upload(alice.row, io.BytesIO(PAGE), "text/html")

    with pytest.raises(BlobNotFoundError) as caught:
        get(services, NSID, alice.caller, did=alice.did, cid=str(ref.cid))

    assert (caught.value.status, caught.value.error) == (400, "BlobNotFound")


def test_unknown_blob_is_not_found(services: Services, alice: Person) -> None:
    with pytest.raises(BlobNotFoundError):
        get(services, NSID, did=alice.did, cid=str(cid_for_raw(b"nothing")))


def test_cid_in_another_spelling_is_refused(services: Services, alice: Person) -> None:
    cid = "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA"
    with pytest.raises(InvalidRequestError, match="Not a CID"):
        get(services, NSID, did=alice.did, cid=cid)


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    cid = add_blob(services, alice)

    check_availability(services, NSID, alice, bob, cid=str(cid))


def test_who_may_ask() -> None:
    assert load_methods()[NSID].auth is Auths.OPTIONAL_OR_TAKEN_DOWN
