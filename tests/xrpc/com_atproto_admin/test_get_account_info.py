"""getAccountInfo over HTTP: all that is known of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.storage.database import execute, transaction
from tests.factories import Person, make_code
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.getAccountInfo"
UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_plain_account(services: Services, alice: Person) -> None:
    with wire(services) as http:
        reply = http.get(NSID, ADMIN_HEADER, did=alice.did)

    assert (reply.status, reply.json) == (
        200,
        {
            "did": alice.did,
            "handle": "alice.test",
            "email": "alice@example.com",
            "indexedAt": alice.row.created_at,
            "invites": [],
            "invitesDisabled": False,
        },
    )


def test_account_with_everything(services: Services, alice: Person, bob: Person) -> None:
    came_by = make_code(services)
    [(_, [own])] = services.invites.create(2, [alice.did])
    with transaction():
        services.invites.use(came_by, alice.did)
        services.invites.use(own, bob.did)
        execute("UPDATE account SET emailConfirmedAt = createdAt")
    services.invites.set_earning(alice.did, allowed=False)
    services.accounts.deactivate(alice.did)
    with wire(services) as http:
        shown = http.get(NSID, ADMIN_HEADER, did=alice.did).json

    row = alice.row
    assert shown["deactivatedAt"] == row.deactivated_at
    assert shown["emailConfirmedAt"] == row.created_at
    assert shown["invitesDisabled"] is True
    assert shown["invitedBy"]["code"] == came_by
    assert [use["usedBy"] for use in shown["invitedBy"]["uses"]] == [alice.did]
    [code] = shown["invites"]
    assert (code["code"], code["available"], code["forAccount"]) == (own, 2, alice.did)
    assert [use["usedBy"] for use in code["uses"]] == [bob.did]


def test_account_without_names_is_shown(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET handle = NULL, email = NULL, emailConfirmedAt = ''")
    with wire(services) as http:
        shown = http.get(NSID, ADMIN_HEADER, did=alice.did).json

    assert shown["handle"] == "handle.invalid"
    assert not {"email", "emailConfirmedAt", "deactivatedAt", "invitedBy"} & set(shown)


def test_unknown_account(services: Services) -> None:
    with wire(services) as http:
        reply = http.get(NSID, ADMIN_HEADER, did=UNKNOWN)

    assert reply.error == (400, "NotFound", "Account not found")


def test_others_may_not(services: Services, alice: Person) -> None:
    with wire(services) as http:
        assert http.get(NSID, did=alice.did).status == 401
        assert http.get(NSID, alice, did=alice.did).status == 401
