"""requestEmailConfirmation: a code for the account's own address."""

from __future__ import annotations

from pds.storage.database import execute, transaction
from tests.factories import Person, take_down
from tests.leftovers import all_rows
from tests.stage import Stage, code_of, queued_mail

NSID = "com.atproto.server.requestEmailConfirmation"


def test_code_is_mailed(stage: Stage, alice: Person) -> None:
    answer = stage.ok(NSID, by=alice)

    assert (answer.body, answer.headers["Content-Type"]) == (b"", None)
    assert "on its way" in answer.headers["Hearth-Notice"]
    assert queued_mail() == [("confirm_email", alice.email)]
    assert code_of(alice, "confirm_email")


def test_confirmed_address_needs_no_mail(stage: Stage, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET emailConfirmedAt = '2026-01-01T00:00:00.000Z'")
    before = all_rows()

    answer = stage.ok(NSID, by=alice)

    assert "confirmed already" in answer.headers["Hearth-Notice"]
    assert all_rows() == before


def test_account_without_address_is_refused(stage: Stage, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET email = NULL")
    before = all_rows()

    message = "account does not have an email address"
    assert stage.post(NSID, by=alice).error == (400, "InvalidRequest", message)
    assert all_rows() == before


def test_taken_down_account_is_refused(stage: Stage, alice: Person) -> None:
    take_down(alice)
    before = all_rows()

    assert stage.post(NSID, by=alice).status == 401
    assert all_rows() == before
