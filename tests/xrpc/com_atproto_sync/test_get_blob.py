"""getBlob: the bytes, in a form that no browser mistakes for a page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import Cid, cid_for_raw
from pds.errors import BlobNotFoundError, InvalidRequestError
from pds.services.record_writes import Write
from pds.storage import blobs
from pds.storage.database import transaction
from pds.xrpc.loading import load_methods
from pds.xrpc.method import ANONYMOUS, Auths, Caller
from tests.factories import ADMIN, Person
from tests.stage import open_stage
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
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{cid}"'
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert (reply.tag, reply.size_bytes) == (str(cid), len(PAGE))
    assert content_of(reply) == PAGE


def test_blob_of_an_inactive_account_is_not_for_caches(services: Services, alice: Person) -> None:
    cid = add_blob(services, alice)
    services.accounts.deactivate(alice.did)

    reply = get(services, NSID, alice.caller, did=alice.did, cid=str(cid))

    assert reply.headers["Cache-Control"] == "private, no-store"
    content_of(reply)


def test_copies_of_what_anybody_may_read_are_for_all_and_for_an_hour(
    services: Services, alice: Person, bob: Person
) -> None:
    cid = add_blob(services, alice)

    def caching(caller: Caller) -> str:
        reply = get(services, NSID, caller, did=alice.did, cid=str(cid))
        return str(reply.headers["Cache-Control"])

    assert caching(ANONYMOUS) == "public, max-age=3600"
    assert {caching(caller) for caller in (alice.caller, bob.caller, ADMIN)} == {
        "private, max-age=3600"
    }


def test_over_http(services: Services, alice: Person) -> None:
    cid = add_blob(services, alice)
    path = f"/xrpc/{NSID}?did={alice.did}&cid={cid}"
    with open_stage(services) as stage:
        whole = stage.web.get(path)
        part = stage.web.get(path, Range="bytes=1-4")
        known = stage.web.get(path, If_None_Match=whole.headers["ETag"])
        head = stage.web.request("HEAD", path)
        own = stage.web.get(path, Authorization=f"Bearer {alice.access_jwt}")
        with transaction():
            blobs.set_takedown(alice.row.id, cid, "bad")
        gone = stage.web.get(path, If_None_Match=whole.headers["ETag"])

    assert (whole.status, whole.body) == (200, PAGE)
    assert whole.headers["ETag"] == f'"{cid}"'
    assert whole.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert whole.headers["Cache-Control"] == "public, max-age=3600"
    assert whole.headers["Vary"] == "Authorization"
    assert (part.status, part.body) == (206, PAGE[1:5])
    assert (known.status, known.body) == (304, b"")
    assert known.headers["Cache-Control"] == "public, max-age=3600"
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(PAGE)))
    assert own.headers["Cache-Control"] == "private, max-age=3600"
    assert gone.error[:2] == (400, "BlobNotFound")
    assert gone.headers["Cache-Control"] == "private"


def test_lost_file_is_not_found(
    services: Services, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    cid = add_blob(services, alice)
    (services.config.blobstore_disk_location / alice.did / str(cid)).unlink()
    reply = get(services, NSID, did=alice.did, cid=str(cid))

    with pytest.raises(BlobNotFoundError):
        content_of(reply)

    assert "missing" in caplog.text


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
