"""deleteAccount over HTTP: password and code, nothing less, and nobody learns who is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.services import log_in_check
from pds.services.passwords import check_password
from pds.storage import accounts, email_tokens
from pds.storage.database import transaction
from tests.factories import Person, StillClock, read_events, take_down
from tests.leftovers import all_rows
from tests.over_http import wire
from tests.web.harness import Answer

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.deleteAccount"
UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
WRONG_PASSWORD = (401, "AuthenticationRequired", "Invalid did or password")


def code_for(services: Services, person: Person) -> str:
    services.email_tokens.request(person.row, "delete_account")
    stored = email_tokens.find_token(person.row.id, "delete_account")
    assert stored is not None
    return stored.token


def send(services: Services, person: Person, code: str, **changes: str) -> Answer:
    body = {"did": person.did, "password": person.password, "token": code, **changes}
    with wire(services) as http:
        return http.post(NSID, None, body)


@pytest.mark.parametrize("status", ["active", "deactivated", "takendown"])
def test_owner_ends_the_account_in_any_status(
    services: Services, alice: Person, bob: Person, status: str
) -> None:
    code = code_for(services, alice)
    if status == "deactivated":
        services.accounts.deactivate(alice.did)
    if status == "takendown":
        take_down(alice)

    reply = send(services, alice, code)

    assert (reply.status, reply.body) == (200, b"")
    assert accounts.find_by_did(alice.did) is None
    assert read_events()[-1][1]["status"] == "deleted"
    assert bob.row.is_active


def test_everything_that_let_her_in_is_void(services: Services, alice: Person) -> None:
    credentials = {"identifier": alice.did, "password": alice.password}
    send(services, alice, code_for(services, alice))
    with wire(services) as http:
        answers = [
            http.get("com.atproto.server.getSession", alice),
            http.post("com.atproto.server.refreshSession", f"Bearer {alice.refresh_jwt}"),
            http.post("com.atproto.server.createSession", None, credentials),
            http.post(NSID, None, {"did": alice.did, "password": alice.password, "token": "x"}),
        ]

    assert [answer.status for answer in answers] == [400, 400, 401, 401]


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"did": UNKNOWN}, {"password": ""}])
def test_stranger_learns_nothing(
    services: Services, alice: Person, changes: dict[str, str]
) -> None:
    code = code_for(services, alice)
    before = all_rows()

    assert send(services, alice, code, **changes).error == WRONG_PASSWORD
    assert all_rows() == before


def test_unknown_account_costs_as_much_as_a_wrong_password(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Any] = []

    def note(*args: Any) -> bool:
        checked.append(args)
        return check_password(*args)

    monkeypatch.setattr(log_in_check, "check_password", note)

    send(services, alice, "x", did=UNKNOWN)
    send(services, alice, "x", password="wrong")

    assert checked == [(alice.password, None), ("wrong", alice.row.password_scrypt)]


def test_app_password_is_not_enough(services: Services, alice: Person) -> None:
    made = services.app_passwords.create(alice.did, "phone", privileged=True)
    code = code_for(services, alice)

    assert send(services, alice, code, password=made.password).error == WRONG_PASSWORD
    assert alice.row.is_active


def test_password_that_is_too_long_is_not_hashed(services: Services, alice: Person) -> None:
    reply = send(services, alice, "x", password="x" * 513)

    assert reply.error[:2] == (401, "AuthenticationRequired")
    assert "too long" in reply.error[2]


def test_wrong_code_is_counted_and_changes_nothing_else(services: Services, alice: Person) -> None:
    code = code_for(services, alice)
    before = all_rows()

    assert send(services, alice, "AAAAA-AAAAA").error == (400, "InvalidToken", "Token is invalid")

    after = all_rows()
    assert after.pop("email_token") != before.pop("email_token")
    assert after == before
    assert send(services, alice, code).status == 200


def test_code_for_something_else_is_wrong(services: Services, alice: Person) -> None:
    services.email_tokens.request(alice.row, "reset_password")
    stored = email_tokens.find_token(alice.row.id, "reset_password")
    assert stored is not None

    assert send(services, alice, stored.token).error[:2] == (400, "InvalidToken")
    assert alice.row.is_active


def test_code_lapses(services: Services, alice: Person, clock: StillClock) -> None:
    code = code_for(services, alice)
    clock.advance(25 * 3_600)
    before = all_rows()

    assert send(services, alice, code).error == (400, "ExpiredToken", "Token is expired")
    assert all_rows() == before


def test_password_that_changes_meanwhile_is_no_longer_good(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = code_for(services, alice)

    def check_then_change(*args: Any) -> bool:
        with transaction():
            accounts.set_password(alice.row.id, "other:hash")
        return check_password(*args)

    monkeypatch.setattr(log_in_check, "check_password", check_then_change)

    assert send(services, alice, code).error == WRONG_PASSWORD
    assert alice.row.is_active


@pytest.mark.parametrize("missing", ["did", "password", "token"])
def test_all_three_are_needed(services: Services, alice: Person, missing: str) -> None:
    body = {"did": alice.did, "password": alice.password, "token": "x"}
    del body[missing]
    with wire(services) as http:
        assert http.post(NSID, None, body).error[:2] == (400, "InvalidRequest")
