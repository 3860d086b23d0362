"""getAccountInfos over HTTP: those that are here, in the order asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.getAccountInfos"
UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_unknown_accounts_are_left_out(services: Services, alice: Person, bob: Person) -> None:
    with wire(services) as http:
        reply = http.get(NSID, ADMIN_HEADER, dids=[bob.did, UNKNOWN, alice.did, bob.did])

    assert [info["did"] for info in reply.json["infos"]] == [bob.did, alice.did]


def test_each_is_shown_as_by_itself(services: Services, alice: Person) -> None:
    with wire(services) as http:
        several = http.get(NSID, ADMIN_HEADER, dids=[alice.did])
        alone = http.get("com.atproto.admin.getAccountInfo", ADMIN_HEADER, did=alice.did)

    assert several.json == {"infos": [alone.json]}


def test_dids_are_checked(services: Services) -> None:
    with wire(services) as http:
        assert http.get(NSID, ADMIN_HEADER).error[:2] == (400, "InvalidRequest")
        assert http.get(NSID, ADMIN_HEADER, dids=["alice"]).error[:2] == (400, "InvalidRequest")


def test_others_may_not(services: Services, alice: Person) -> None:
    with wire(services) as http:
        assert http.get(NSID, dids=[alice.did]).status == 401
        assert http.get(NSID, alice, dids=[alice.did]).status == 401
