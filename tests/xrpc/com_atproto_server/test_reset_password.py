"""resetPassword: the code opens the account anew, and closes it for everybody else."""

from __future__ import annotations

import pytest

from pds.services import passwords
from pds.storage.database import rows
from tests.factories import Person, StillClock
from tests.leftovers import all_rows
from tests.stage import Stage, code_of, queued_mail

NSID = "com.atproto.server.resetPassword"
REQUEST = "com.atproto.server.requestPasswordReset"


@pytest.fixture
def code(stage: Stage, alice: Person) -> str:
    stage.ok(REQUEST, {"email": alice.email})
    return code_of(alice, "reset_password")


def test_new_password_counts_and_every_session_ends(
    stage: Stage, alice: Person, bob: Person, code: str
) -> None:
    stage.ok(NSID, {"token": code, "password": "the new password"})

    assert stage.may_log_in(alice, "the new password")
    assert not stage.may_log_in(alice, alice.password)
    assert not stage.is_signed_in(alice)
    assert stage.is_signed_in(bob)
    assert ("password_changed", alice.email) in queued_mail()


def test_code_works_once(stage: Stage, alice: Person, code: str) -> None:
    stage.ok(NSID, {"token": code, "password": "first"})
    before = all_rows()

    answer = stage.post(NSID, {"token": code, "password": "second"})
    assert answer.error == (400, "InvalidToken", "Token is invalid")
    assert all_rows() == before


@pytest.mark.parametrize("token", ["", "AAAAA-AAAAA", "é", "x" * 1_000])
def test_wrong_code_changes_nothing_and_hashes_nothing(
    stage: Stage, alice: Person, code: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pds.services.password_changes.hash_password", _must_not_happen)
    before = all_rows()

    answer = stage.post(NSID, {"token": token, "password": "new"})
    assert answer.error == (400, "InvalidToken", "Token is invalid")
    assert all_rows() == before


def test_lapsed_code_is_told(stage: Stage, alice: Person, code: str, clock: StillClock) -> None:
    clock.advance(15 * 60)
    before = all_rows()

    answer = stage.post(NSID, {"token": code, "password": "new"})
    assert answer.error == (400, "ExpiredToken", "Token is expired")
    assert all_rows() == before


@pytest.mark.parametrize("password", ["", "x" * 257, "🔥" * 129])
def test_password_that_may_not_be_is_refused_and_keeps_the_code(
    stage: Stage, alice: Person, code: str, password: str
) -> None:
    before = all_rows()

    answer = stage.post(NSID, {"token": code, "password": password})
    assert answer.error[:2] == (400, "InvalidPassword")
    assert all_rows() == before
    stage.ok(NSID, {"token": code, "password": "x" * 256})


def test_failure_after_the_check_keeps_the_code(
    stage: Stage, alice: Person, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = all_rows()
    with monkeypatch.context() as patch:
        patch.setattr(type(stage.services.sessions), "revoke_all", _must_not_happen)
        assert stage.post(NSID, {"token": code, "password": "new"}).status == 500
    assert all_rows() == before

    stage.ok(NSID, {"token": code, "password": "new"})
    [(stored,)] = rows("SELECT passwordScrypt FROM account")
    assert passwords.check_password("new", stored)


def _must_not_happen(*_: object) -> None:
    message = "must not happen"
    raise RuntimeError(message)
