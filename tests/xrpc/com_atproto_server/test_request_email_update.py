"""requestEmailUpdate: whether a code is needed, and the code."""

from __future__ import annotations

from pds.storage.database import execute, transaction
from tests.factories import Person
from tests.leftovers import all_rows
from tests.stage import Stage, queued_mail

NSID = "com.atproto.server.requestEmailUpdate"


def test_confirmed_address_gets_a_code(stage: Stage, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET emailConfirmedAt = '2026-01-01T00:00:00.000Z'")

    reply = stage.ok(NSID, by=alice).json

    assert reply["tokenRequired"] is True
    assert "on its way" in reply["message"]
    assert queued_mail() == [("update_email", alice.email)]


def test_unconfirmed_address_needs_none(stage: Stage, alice: Person) -> None:
    before = all_rows()
    assert stage.ok(NSID, by=alice).json == {"tokenRequired": False}
    with transaction():
        execute("UPDATE account SET emailConfirmedAt = ''")
    assert stage.ok(NSID, by=alice).json == {"tokenRequired": False}
    with transaction():
        execute("UPDATE account SET emailConfirmedAt = NULL")
    assert all_rows() == before
