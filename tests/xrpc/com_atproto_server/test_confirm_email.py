"""confirmEmail: the code that arrived proves the address."""

from __future__ import annotations

from typing import Any

import pytest

from pds.storage import accounts
from pds.storage.database import execute, rows, transaction
from tests.factories import Person, StillClock
from tests.stage import Stage, code_of

NSID = "com.atproto.server.confirmEmail"
REQUEST = "com.atproto.server.requestEmailConfirmation"


@pytest.fixture
def code(stage: Stage, alice: Person) -> str:
    stage.ok(REQUEST, by=alice)
    return code_of(alice, "confirm_email")


def test_address_is_confirmed(stage: Stage, alice: Person, bob: Person, code: str) -> None:
    stage.ok(NSID, {"email": "ALICE@example.com", "token": code.lower()}, by=alice)

    assert alice.row.email_confirmed_at == "2026-09-21T14:13:20.000Z"
    assert not bob.row.is_email_confirmed
    again = stage.post(NSID, {"email": alice.email, "token": code}, by=alice)
    assert again.error == (400, "InvalidToken", "Token is invalid")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"email": "other@example.com"}, ("InvalidEmail", "Invalid email")),
        ({"email": ""}, ("InvalidEmail", "Invalid email")),
        ({"token": "AAAAA-AAAAA"}, ("InvalidToken", "Token is invalid")),
        ({"token": ""}, ("InvalidToken", "Token is invalid")),
    ],
)
def test_wrong_input_confirms_nothing(
    stage: Stage, alice: Person, code: str, changes: dict[str, Any], error: tuple[str, str]
) -> None:
    answer = stage.post(NSID, {"email": alice.email, "token": code, **changes}, by=alice)

    assert answer.error == (400, *error)
    assert not alice.row.is_email_confirmed
    stage.ok(NSID, {"email": alice.email, "token": code}, by=alice)


def test_lapsed_code_is_told(stage: Stage, alice: Person, code: str, clock: StillClock) -> None:
    clock.advance(15 * 60)

    answer = stage.post(NSID, {"email": alice.email, "token": code}, by=alice)
    assert answer.error == (400, "ExpiredToken", "Token is expired")
    assert not alice.row.is_email_confirmed


def test_code_of_another_purpose_or_account_is_refused(
    stage: Stage, alice: Person, bob: Person, code: str
) -> None:
    stage.ok("com.atproto.server.requestPasswordReset", {"email": alice.email})
    reset = code_of(alice, "reset_password")

    for person, token in ((alice, reset), (bob, code)):
        answer = stage.post(NSID, {"email": person.email, "token": token}, by=person)
        assert answer.error[1] == "InvalidToken"
    assert rows("SELECT 1 FROM account WHERE emailConfirmedAt IS NOT NULL") == []


def test_account_that_is_gone_is_told(stage: Stage, alice: Person, code: str) -> None:
    with transaction():
        accounts.delete(alice.row.id)

    answer = stage.post(NSID, {"email": alice.email, "token": code}, by=alice)
    assert answer.status in (400, 401, 403)


def test_code_sent_to_an_older_address_is_refused(stage: Stage, alice: Person, code: str) -> None:
    with transaction():
        execute("UPDATE account SET email = 'new@example.com'")

    answer = stage.post(NSID, {"email": "new@example.com", "token": code}, by=alice)
    assert answer.error[1] == "InvalidToken"


def test_guessing_burns_the_code(stage: Stage, alice: Person, code: str) -> None:
    for _ in range(10):
        stage.post(NSID, {"email": alice.email, "token": "AAAAA-AAAAA"}, by=alice)

    answer = stage.post(NSID, {"email": alice.email, "token": code}, by=alice)
    assert answer.error[1] == "InvalidToken"
    assert not alice.row.is_email_confirmed
