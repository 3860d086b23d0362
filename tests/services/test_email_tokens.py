"""One-time codes: issued, used once, replaced, burnt, lapsed; and counted when guessed."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.errors import (
    ExpiredTokenError,
    InvalidRequestError,
    InvalidTokenError,
    PdsError,
    RateLimitExceededError,
)
from pds.services import email_tokens as codes
from pds.services.email_tokens import MAX_ASKED, MAX_WRONG_GUESSES, PURPOSES, Purpose
from pds.storage import accounts, server_state
from pds.storage import email_tokens as stored
from pds.storage.database import execute, rows, transaction
from tests.factories import Person, StillClock, make_config, race

if TYPE_CHECKING:
    from pds.services import Services

MINUTE_S = 60
WRONG = "AAAAA-AAAAA"


def code_of(person: Person, purpose: Purpose) -> str:
    row = stored.find_token(person.row.id, purpose)
    assert row is not None
    return row.token


def ask_for(services: Services, person: Person, purpose: Purpose = "reset_password") -> str:
    services.email_tokens.request(person.row, purpose)
    return code_of(person, purpose)


def count() -> int:
    [(number,)] = rows("SELECT count(*) FROM email_token")
    return int(number)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_code_works_once(services: Services, alice: Person, purpose: Purpose) -> None:
    code = ask_for(services, alice, purpose)
    assert re.fullmatch(r"[A-Z2-7]{5}-[A-Z2-7]{5}", code)

    services.email_tokens.redeem(alice.row, purpose, code)

    with pytest.raises(InvalidTokenError, match=r"^Token is invalid$"):
        services.email_tokens.redeem(alice.row, purpose, code)


@pytest.mark.parametrize(
    "spelling", [str.lower, lambda code: f"  {code}\n", lambda code: code.replace("-", "")]
)
def test_code_is_taken_as_people_type_it(services: Services, alice: Person, spelling) -> None:
    code = ask_for(services, alice)

    services.email_tokens.redeem(alice.row, "reset_password", spelling(code))


@pytest.mark.parametrize("wrong", ["", "-", WRONG, "é" * 10, "\ud800", "A" * 100_000, "%"])
def test_wrong_code_is_refused_and_leaves_the_right_one(
    services: Services, alice: Person, wrong: str
) -> None:
    code = ask_for(services, alice)

    with pytest.raises(InvalidTokenError):
        services.email_tokens.redeem(alice.row, "reset_password", wrong)
    with pytest.raises(InvalidTokenError):
        services.email_tokens.account_of("reset_password", wrong)

    services.email_tokens.redeem(alice.row, "reset_password", code)


def test_code_is_good_for_its_account_and_purpose_only(
    services: Services, alice: Person, bob: Person
) -> None:
    code = ask_for(services, alice)
    ask_for(services, alice, "delete_account")
    ask_for(services, bob)

    elsewhere: list[tuple[Person, Purpose]] = [
        (alice, "delete_account"),
        (alice, "plc_operation"),
        (bob, "reset_password"),
    ]
    for person, purpose in elsewhere:
        with pytest.raises(InvalidTokenError):
            services.email_tokens.redeem(person.row, purpose, code)
    assert services.email_tokens.account_of("reset_password", code) == alice.row.id


def test_code_lapses_after_a_quarter_of_an_hour(
    services: Services, alice: Person, clock: StillClock
) -> None:
    code = ask_for(services, alice)
    clock.advance(15 * MINUTE_S - 1)
    assert services.email_tokens.account_of("reset_password", code) == alice.row.id
    assert services.email_tokens.expire() == 0
    clock.advance(1)

    for _ in range(2):
        with pytest.raises(ExpiredTokenError, match=r"^Token is expired$"):
            services.email_tokens.redeem(alice.row, "reset_password", code)
        with pytest.raises(ExpiredTokenError, match=r"^Token is expired$"):
            services.email_tokens.account_of("reset_password", code)
    assert services.email_tokens.pending() == []
    assert services.email_tokens.expire() == 1
    assert count() == 0


def test_asking_again_replaces_the_code(services: Services, alice: Person) -> None:
    first = ask_for(services, alice)
    second = ask_for(services, alice)

    assert count() == 1
    with pytest.raises(InvalidTokenError):
        services.email_tokens.redeem(alice.row, "reset_password", first)
    services.email_tokens.redeem(alice.row, "reset_password", second)


def test_code_sent_to_another_address_is_not_good(services: Services, alice: Person) -> None:
    code = ask_for(services, alice, "confirm_email")
    with transaction():
        execute("UPDATE account SET email = 'other@example.com'")

    with pytest.raises(InvalidTokenError):
        services.email_tokens.redeem(alice.row, "confirm_email", code)


def test_wrong_guesses_burn_the_code(services: Services, alice: Person) -> None:
    code = ask_for(services, alice, "delete_account")
    other = ask_for(services, alice, "plc_operation")
    for _ in range(MAX_WRONG_GUESSES):
        with pytest.raises(InvalidTokenError):
            services.email_tokens.redeem(alice.row, "delete_account", WRONG)

    with pytest.raises(InvalidTokenError):
        services.email_tokens.redeem(alice.row, "delete_account", code)
    services.email_tokens.redeem(alice.row, "plc_operation", other)


def test_guesses_count_whatever_becomes_of_the_transaction(
    services: Services, alice: Person
) -> None:
    """Rolled back by the error, as callers do; or committed by a caller who goes on."""
    ask_for(services, alice)

    def guess() -> None:
        services.email_tokens.redeem_in_transaction(alice.row, "reset_password", WRONG)

    def change_something() -> None:
        with transaction():
            server_state.save_value("key", "of the caller")
            guess()

    with pytest.raises(InvalidTokenError):
        change_something()
    assert rows("SELECT tries FROM email_token") == [(1,)]
    assert server_state.find_value("key") is None

    with transaction(), pytest.raises(InvalidTokenError):
        guess()
    assert rows("SELECT tries FROM email_token") == [(2,)]


def test_guesses_at_the_same_time_are_all_counted(services: Services, alice: Person) -> None:
    ask_for(services, alice)

    outcomes = race([lambda: services.email_tokens.redeem(alice.row, "reset_password", WRONG)] * 8)

    assert all(isinstance(outcome, InvalidTokenError) for outcome in outcomes)
    assert rows("SELECT tries FROM email_token") == [(8,)]


def test_code_redeemed_by_two_at_once_serves_one(services: Services, alice: Person) -> None:
    code = ask_for(services, alice)

    outcomes = race([lambda: services.email_tokens.redeem(alice.row, "reset_password", code)] * 6)

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, InvalidTokenError) for outcome in outcomes) == 5


def test_code_stays_when_what_it_was_for_fails(services: Services, alice: Person) -> None:
    code = ask_for(services, alice)

    def fail_with_it() -> None:
        with transaction():
            services.email_tokens.redeem_in_transaction(alice.row, "reset_password", code)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_with_it()

    services.email_tokens.redeem(alice.row, "reset_password", code)


def test_guesses_that_name_no_account_are_bounded(
    services: Services, alice: Person, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "MAX_UNNAMED_GUESSES", 3)
    code = ask_for(services, alice)
    for _ in range(3):
        with pytest.raises(InvalidTokenError):
            services.email_tokens.account_of("reset_password", WRONG)

    with pytest.raises(RateLimitExceededError):
        services.email_tokens.account_of("reset_password", code)
    clock.advance(15 * MINUTE_S - 1)
    with pytest.raises(RateLimitExceededError):
        services.email_tokens.account_of("reset_password", code)
    clock.advance(1)
    assert services.email_tokens.account_of("reset_password", ask_for(services, alice))


def test_asking_is_bounded_and_the_last_code_stays_good(
    services: Services, alice: Person, clock: StillClock
) -> None:
    code = [ask_for(services, alice) for _ in range(MAX_ASKED)][-1]
    with pytest.raises(RateLimitExceededError):
        services.email_tokens.request(alice.row, "reset_password")

    assert code_of(alice, "reset_password") == code
    ask_for(services, alice, "confirm_email")
    clock.advance(60 * MINUTE_S)
    assert ask_for(services, alice) != code


def test_account_without_an_address_cannot_ask(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET email = NULL")

    with pytest.raises(InvalidRequestError, match="account does not have an email address"):
        services.email_tokens.request(alice.row, "delete_account")
    assert count() == 0
    assert rows("SELECT id FROM outgoing_mail") == []


def test_codes_go_with_their_account(services: Services, alice: Person, bob: Person) -> None:
    ask_for(services, alice)
    kept = ask_for(services, bob)
    with transaction():
        accounts.delete(alice.row.id)

    assert [code.code for code in services.email_tokens.pending()] == [kept]
    assert len(rows("SELECT id FROM outgoing_mail")) == 1


def test_codes_can_be_taken_back(services: Services, alice: Person) -> None:
    for purpose in PURPOSES:
        ask_for(services, alice, purpose)
    with transaction():
        services.email_tokens.forget(alice.row.id, "reset_password")
    assert count() == len(PURPOSES) - 1
    with transaction():
        services.email_tokens.forget_all(alice.row.id)
    assert count() == 0


def test_operator_sees_what_waits(services: Services, alice: Person, clock: StillClock) -> None:
    reset = ask_for(services, alice)
    clock.advance(61)
    deletion = ask_for(services, alice, "delete_account")

    first, second = services.email_tokens.pending()

    assert (first.purpose, first.did, first.handle) == ("reset_password", alice.did, "alice.test")
    assert (first.code, first.minutes_left) == (reset, 13)
    assert first.link == f"http://localhost:2583/account/reset-password?code={reset}"
    assert (second.purpose, second.code, second.link) == ("delete_account", deletion, None)


def test_where_nobody_asked_nothing_is_left(services: Services, alice: Person) -> None:
    hint = services.email_tokens.pretend("reset_password")

    assert hint == services.email_tokens.request(alice.row, "reset_password")
    assert rows("SELECT recipient FROM outgoing_mail") == [("alice@example.com",)]
    assert count() == 1


class TestWithoutMail:
    """A public server with no SMTP set."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(
            tmp_path,
            hostname="pds.example.com",
            did_plc_url="http://127.0.0.1:9",
            contact_email_address="ops@example.com",
        )

    @pytest.fixture
    def member(self, services: Services) -> Person:
        row = accounts.NewAccountRow(
            "did:plc:member", "member.pds.example.com", "m@example.com", None, "2026-01-01"
        )
        with transaction():
            accounts.insert(row)
        return Person(row.did, row.handle, "m@example.com", "", "", "")

    @pytest.mark.parametrize(
        ("purpose", "said"),
        [
            ("reset_password", "asked for a password reset"),
            ("confirm_email", "asked to confirm their e-mail address"),
            ("delete_account", "asked to delete their account"),
        ],
    )
    def test_code_waits_for_the_operator(
        self,
        services: Services,
        member: Person,
        purpose: Purpose,
        said: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        hint = services.email_tokens.request(member.row, purpose)

        code = code_of(member, purpose)
        assert "sends no mail" in hint
        assert "ops@example.com" in hint
        assert f"member.pds.example.com {said}; read the code with: pdsadmin" in caplog.text
        assert code not in caplog.text
        assert rows("SELECT id FROM outgoing_mail") == []
        services.email_tokens.redeem(member.row, purpose, code)

    def test_code_lives_for_a_day(
        self, services: Services, member: Person, clock: StillClock
    ) -> None:
        code = ask_for(services, member)
        clock.advance(24 * 3_600 - 1)
        [pending] = services.email_tokens.pending()
        assert pending.minutes_left == 0
        assert pending.link == f"https://pds.example.com/account/reset-password?code={code}"
        assert services.email_tokens.account_of("reset_password", code)
        clock.advance(1)
        with pytest.raises(ExpiredTokenError):
            services.email_tokens.redeem(member.row, "reset_password", code)

    def test_account_without_an_address_is_served_too(
        self, services: Services, member: Person
    ) -> None:
        with transaction():
            execute("UPDATE account SET email = NULL")

        code = ask_for(services, member, "delete_account")
        services.email_tokens.redeem(member.row, "delete_account", code)
        with pytest.raises(PdsError, match="does not have an email address"):
            services.email_tokens.request(member.row, "confirm_email")
