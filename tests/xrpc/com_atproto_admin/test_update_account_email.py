"""admin.updateAccountEmail: another address, without a code."""

from __future__ import annotations

import pytest

from pds.storage.database import execute, transaction
from tests.factories import Person
from tests.leftovers import all_rows
from tests.stage import Stage, queued_mail

NSID = "com.atproto.admin.updateAccountEmail"


@pytest.mark.parametrize("name", ["did", "handle"])
def test_address_is_changed(stage: Stage, alice: Person, name: str) -> None:
    with transaction():
        execute("UPDATE account SET emailConfirmedAt = '2026-01-01T00:00:00.000Z'")

    body = {"account": getattr(alice, name), "email": "New@example.com"}
    stage.ok(NSID, body, admin=True)

    assert (alice.row.email, alice.row.email_confirmed_at) == ("new@example.com", None)
    assert queued_mail() == [("email_changed", alice.email)]
    assert stage.is_signed_in(alice)


@pytest.mark.parametrize(
    ("account", "email", "said"),
    [
        ("nobody.test", "new@example.com", "There is no account nobody.test here"),
        ("did:plc:ewvi7nxzyoun6zhxrhs64oiz", "new@example.com", "There is no account did:plc"),
        ("alice.test", "bob@example.com", "Another account has this e-mail address"),
        ("alice.test", "nobody", "not supported"),
        ("alice.test", "", "Email is required"),
        ("not a name", "new@example.com", "account"),
    ],
)
def test_wrong_input_changes_nothing(
    stage: Stage, alice: Person, bob: Person, account: str, email: str, said: str
) -> None:
    before = all_rows()

    answer = stage.post(NSID, {"account": account, "email": email}, admin=True)
    known = "NotFound" if "There is no" in said else "InvalidRequest"
    assert answer.error[:2] == (400, known)
    assert said in answer.error[2]
    assert all_rows() == before


def test_same_address_is_no_change(stage: Stage, alice: Person) -> None:
    before = all_rows()

    stage.ok(NSID, {"account": alice.did, "email": alice.email.upper()}, admin=True)
    assert all_rows() == before


def test_members_may_not(stage: Stage, alice: Person) -> None:
    body = {"account": alice.did, "email": "new@example.com"}
    assert stage.post(NSID, body, by=alice).status == 401
    assert alice.row.email == alice.email
