"""admin.updateAccountPassword: the operator lets somebody in again, and others out."""

from __future__ import annotations

import pytest

from tests.factories import Person
from tests.leftovers import all_rows
from tests.stage import Stage, code_of, queued_mail

NSID = "com.atproto.admin.updateAccountPassword"


def test_new_password_counts_and_every_session_ends(
    stage: Stage, alice: Person, bob: Person
) -> None:
    stage.ok("com.atproto.server.requestPasswordReset", {"email": alice.email})
    code = code_of(alice, "reset_password")

    stage.ok(NSID, {"did": alice.did, "password": "the new password"}, admin=True)

    assert stage.may_log_in(alice, "the new password")
    assert not stage.is_signed_in(alice)
    assert stage.is_signed_in(bob)
    assert ("password_changed", alice.email) in queued_mail()
    reset = {"token": code, "password": "another"}
    assert stage.post("com.atproto.server.resetPassword", reset).error[1] == "InvalidToken"


@pytest.mark.parametrize(
    ("did", "password", "error"),
    [
        ("did:plc:ewvi7nxzyoun6zhxrhs64oiz", "new", "NotFound"),
        (None, "x" * 257, "InvalidPassword"),
        (None, "", "InvalidPassword"),
        ("alice.test", "new", "InvalidRequest"),
    ],
)
def test_wrong_input_changes_nothing(
    stage: Stage, alice: Person, did: str | None, password: str, error: str
) -> None:
    before = all_rows()

    answer = stage.post(NSID, {"did": did or alice.did, "password": password}, admin=True)
    assert answer.error[:2] == (400, error)
    assert all_rows() == before


def test_members_may_not(stage: Stage, alice: Person) -> None:
    before = all_rows()

    assert stage.post(NSID, {"did": alice.did, "password": "new"}, by=alice).status == 401
    assert all_rows() == before
