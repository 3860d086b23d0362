"""updateAccountHandle: what the admin may give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from tests.factories import Person, dump_tables, make_account, make_config
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.updateAccountHandle"
NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, service_handle_domains=".test,.home.test")


@pytest.mark.parametrize("handle", ["alice2.test", "admin.test", "f4-gg0t.test"])
def test_any_name_below_our_domains_is_given(
    services: Services, alice: Person, handle: str
) -> None:
    with wire(services) as http:
        assert http.post(NSID, ADMIN_HEADER, {"did": alice.did, "handle": handle}).status == 200

    assert alice.row.handle == handle


def test_domain_itself_is_given_and_works_everywhere(services: Services, alice: Person) -> None:
    with wire(services) as http:
        query = "/tls-check?domain=home.test"
        assert http.web.get(query).status == 404

        body = {"did": alice.did, "handle": "home.test"}
        assert http.post(NSID, ADMIN_HEADER, body).status == 200

        assert http.web.get("/.well-known/atproto-did", Host="home.test").body == alice.did.encode()
        assert http.web.get(query).status == 200
        resolved = http.get("com.atproto.identity.resolveHandle", handle="home.test")
        assert resolved.json == {"did": alice.did}
        shown = http.get("com.atproto.repo.describeRepo", repo="home.test").json
        assert (shown["did"], shown["handleIsCorrect"]) == (alice.did, True)


@pytest.mark.parametrize(
    ("did", "handle", "name", "message"),
    [
        (NOBODY, "alice2.test", "InvalidRequest", f"Account not found: {NOBODY}"),
        ("alice", "al.test", "InvalidHandle", "Handle too short"),
        ("alice", "a.b.test", "InvalidHandle", "Invalid characters in handle"),
        ("alice", "alice.local", "InvalidHandle", "Handle TLD is invalid or disallowed"),
        ("alice", "bob.test", "HandleNotAvailable", "Handle already taken: bob.test"),
    ],
)
def test_refusals_are_named_and_change_nothing(
    services: Services, did: str, handle: str, name: str, message: str
) -> None:
    people = {person: make_account(services, person).did for person in ("alice", "bob")}
    before = dump_tables(), dump_tables("identity_change")
    with wire(services) as http:
        body = {"did": people.get(did, did), "handle": handle}
        assert http.post(NSID, ADMIN_HEADER, body).error == (400, name, message)

    assert (dump_tables(), dump_tables("identity_change")) == before


def test_nobody_but_the_admin_may(services: Services, alice: Person) -> None:
    with wire(services) as http:
        for caller in (None, alice, ADMIN_HEADER[:-4]):
            answer = http.post(NSID, caller, {"did": alice.did, "handle": "alice2.test"})
            assert answer.error[:2] == (401, "AuthenticationRequired")

    assert alice.row.handle == "alice.test"
