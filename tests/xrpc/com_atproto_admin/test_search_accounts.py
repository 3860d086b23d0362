"""searchAccounts over HTTP: by a part of the address, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.storage.database import execute, transaction
from tests.factories import Person, make_account
from tests.over_http import ADMIN_HEADER, Wire, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.searchAccounts"


def handles(http: Wire, **params: Any) -> list[str]:
    reply = http.get(NSID, ADMIN_HEADER, **params)
    assert reply.status == 200, reply.body
    return [account["handle"] for account in reply.json["accounts"]]


@pytest.mark.parametrize(
    ("email", "found"),
    [
        ("alice@example.com", ["alice.test"]),
        ("ALICE@", ["alice.test"]),
        (" @example", ["alice.test", "bob.test"]),
        ("nobody", []),
        ("%", []),
        ("bob.test", []),
    ],
)
def test_address_is_searched(
    services: Services, alice: Person, bob: Person, email: str, found: list[str]
) -> None:
    with wire(services) as http:
        assert handles(http, email=email) == found


def test_without_a_question_all_are_found(services: Services, alice: Person, bob: Person) -> None:
    services.accounts.deactivate(alice.did)
    with transaction():
        execute("UPDATE account SET email = NULL WHERE did = ?", (bob.did,))
    with wire(services) as http:
        assert handles(http) == ["alice.test", "bob.test"]


def test_pages_join_without_gaps(services: Services) -> None:
    for number in range(5):
        make_account(services, f"p{number}x")
    with wire(services) as http:
        found, cursor = [], None
        while True:
            params = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
            page = http.get(NSID, ADMIN_HEADER, **params).json
            found += [account["handle"] for account in page["accounts"]]
            cursor = page.get("cursor")
            if cursor is None:
                break

    assert found == [f"p{number}x.test" for number in range(5)]


def test_foreign_cursor_is_refused(services: Services) -> None:
    with wire(services) as http:
        reply = http.get(NSID, ADMIN_HEADER, cursor="abc")

    assert reply.error == (400, "InvalidRequest", "Malformed cursor")


def test_others_may_not(services: Services, alice: Person) -> None:
    with wire(services) as http:
        assert http.get(NSID).status == 401
        assert http.get(NSID, alice).status == 401
