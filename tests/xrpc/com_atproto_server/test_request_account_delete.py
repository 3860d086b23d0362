"""requestAccountDelete: the code that deleting takes."""

from __future__ import annotations

from pds.storage.database import execute, transaction
from tests.factories import Person
from tests.leftovers import all_rows
from tests.stage import Stage, code_of, queued_mail

NSID = "com.atproto.server.requestAccountDelete"


def test_code_is_mailed(stage: Stage, alice: Person) -> None:
    answer = stage.ok(NSID, by=alice)

    assert "on its way" in answer.headers["Hearth-Notice"]
    assert queued_mail() == [("delete_account", alice.email)]
    assert code_of(alice, "delete_account")
    assert stage.is_signed_in(alice)


def test_account_without_address_is_refused(stage: Stage, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET email = NULL")
    before = all_rows()

    message = "account does not have an email address"
    assert stage.post(NSID, by=alice).error == (400, "InvalidRequest", message)
    assert all_rows() == before
