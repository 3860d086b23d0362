"""updateEmail: another address, and no way to find out who has one here."""

from __future__ import annotations

import pytest

from pds.storage.database import execute, rows, transaction
from tests.factories import Person, StillClock
from tests.leftovers import all_rows
from tests.stage import Stage, code_of, queued_mail

NSID = "com.atproto.server.updateEmail"
REQUEST = "com.atproto.server.requestEmailUpdate"
UNSUPPORTED = (
    400,
    "InvalidRequest",
    "This email address is not supported, please use a different email.",
)


def confirm(person: Person) -> None:
    with transaction():
        execute(
            "UPDATE account SET emailConfirmedAt = '2026-01-01T00:00:00.000Z' WHERE did = ?",
            (person.did,),
        )


def test_unconfirmed_address_is_changed_without_a_code(stage: Stage, alice: Person) -> None:
    stage.ok("com.atproto.server.requestEmailConfirmation", by=alice)

    stage.ok(NSID, {"email": "New@Example.com"}, by=alice)

    assert alice.row.email == "new@example.com"
    assert not alice.row.is_email_confirmed
    assert rows("SELECT * FROM email_token") == []
    assert queued_mail()[-1] == ("email_changed", alice.email)


def test_confirmed_address_is_changed_with_the_code(stage: Stage, alice: Person) -> None:
    confirm(alice)
    stage.ok(REQUEST, by=alice)
    code = code_of(alice, "update_email")

    stage.ok(NSID, {"email": "new@example.com", "token": code, "emailAuthFactor": True}, by=alice)

    assert (alice.row.email, alice.row.email_confirmed_at) == ("new@example.com", None)
    assert queued_mail()[-1] == ("email_changed", alice.email)
    session = stage.services.sessions.login("new@example.com", alice.password)
    assert session.account.did == alice.did


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (None, ("TokenRequired", "confirmation token required")),
        ("", ("TokenRequired", "confirmation token required")),
        ("AAAAA-AAAAA", ("InvalidToken", "Token is invalid")),
    ],
)
def test_confirmed_address_stays_without_the_code(
    stage: Stage, alice: Person, token: str | None, error: tuple[str, str]
) -> None:
    confirm(alice)
    before = all_rows()

    body = {"email": "new@example.com"} | ({} if token is None else {"token": token})
    assert stage.post(NSID, body, by=alice).error == (400, *error)
    assert all_rows() == before


def test_lapsed_code_is_told(stage: Stage, alice: Person, clock: StillClock) -> None:
    confirm(alice)
    stage.ok(REQUEST, by=alice)
    clock.advance(15 * 60)
    before = all_rows()

    body = {"email": "new@example.com", "token": code_of(alice, "update_email")}
    assert stage.post(NSID, body, by=alice).error == (400, "ExpiredToken", "Token is expired")
    assert all_rows() == before


@pytest.mark.parametrize(
    "address", ["bob@example.com", "BOB@example.com", "nobody", "a@mailinator.com", "a@b\r\nX: y"]
)
def test_taken_and_unsupported_addresses_look_alike_and_burn_no_code(
    stage: Stage, alice: Person, bob: Person, address: str
) -> None:
    confirm(alice)
    stage.ok(REQUEST, by=alice)
    before = all_rows()

    body = {"email": address, "token": code_of(alice, "update_email")}
    assert stage.post(NSID, body, by=alice).error == UNSUPPORTED
    assert all_rows() == before


def test_the_same_address_is_no_change(stage: Stage, alice: Person) -> None:
    confirm(alice)
    before = all_rows()

    stage.ok(NSID, {"email": "Alice@example.com"}, by=alice)
    assert all_rows() == before


def test_empty_address_is_refused(stage: Stage, alice: Person) -> None:
    assert stage.post(NSID, {"email": ""}, by=alice).error[1] == "InvalidRequest"
    assert stage.post(NSID, {}, by=alice).error[1] == "InvalidRequest"
