"""admin.deleteAccount over HTTP: it works, for the admin alone, and on accounts that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.storage import accounts
from tests.factories import Person, read_events
from tests.leftovers import all_rows, blob_files
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.deleteAccount"
UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_account_is_deleted(services: Services, alice: Person, bob: Person) -> None:
    with wire(services) as http:
        reply = http.post(NSID, ADMIN_HEADER, {"did": alice.did})
        told = http.get("com.atproto.sync.getRepoStatus", did=alice.did)
        again = http.post(NSID, ADMIN_HEADER, {"did": alice.did})

    assert (reply.status, reply.body) == (200, b"")
    assert told.error[:2] == (400, "RepoNotFound")
    assert again.error[:2] == (400, "NotFound")
    assert accounts.find_by_did(alice.did) is None
    assert bob.row.is_active
    of_alice = [payload for _, payload in read_events() if payload.get("did") == alice.did]
    assert [payload["status"] for payload in of_alice if "status" in payload] == ["deleted"]


@pytest.mark.parametrize(
    ("header", "body", "status", "name"),
    [
        (ADMIN_HEADER, {"did": UNKNOWN}, 400, "NotFound"),
        (ADMIN_HEADER, {"did": "alice"}, 400, "InvalidRequest"),
        (ADMIN_HEADER, {}, 400, "InvalidRequest"),
        (None, {"did": "ALICE"}, 401, "AuthenticationRequired"),
        ("Basic YWRtaW46d3Jvbmc=", {"did": "ALICE"}, 401, "AuthenticationRequired"),
    ],
)
def test_refusal_changes_nothing(
    services: Services,
    alice: Person,
    header: str | None,
    body: dict[str, str],
    status: int,
    name: str,
) -> None:
    sent = {"did": alice.did} if body.get("did") == "ALICE" else body
    before = all_rows(), blob_files(services)
    with wire(services) as http:
        reply = http.post(NSID, header, sent)

    assert reply.error[:2] == (status, name)
    assert (all_rows(), blob_files(services)) == before


def test_owner_may_not(services: Services, alice: Person) -> None:
    with wire(services) as http:
        assert http.post(NSID, alice, {"did": alice.did}).status == 401
    assert alice.row.is_active
