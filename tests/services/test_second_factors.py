"""The seam for a second factor, with one that asks for a number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.errors import AuthRequiredError, PdsError
from pds.services.devices import Device
from pds.services.lock_outs import LockedOutError
from pds.services.second_factors import (
    MAX_TICKETS,
    TICKET_LIFETIME_US,
    Challenge,
    SecondFactorNeeded,
    SecondFactorRequiredError,
    Tickets,
)
from pds.services.sessions import Sessions
from pds.services.sign_in import Proof, SignIn
from pds.storage.database import rows
from tests.factories import Person, StillClock, ask, make_config

if TYPE_CHECKING:
    from pds.services import Services
    from pds.storage.accounts import AccountRow

HOME = Device("Firefox", "192.0.2.7")
NUMBER = "123456"


class Number:
    """Alice has set one up; nobody else has. Her number is good once."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def challenge(self, account: AccountRow) -> Challenge | None:
        if account.handle != "alice.test":
            return None
        return Challenge("number", "The number on your card")

    def is_answer(self, account: AccountRow, answer: str) -> bool:
        assert account.handle == "alice.test"
        if answer != NUMBER or answer in self.used:
            return False
        self.used.append(answer)
        return True


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, rate_limits_enabled="true")


@pytest.fixture
def sign_in(services: Services, clock: StillClock) -> SignIn:
    return SignIn(clock, services.mail, services.rate_limits, Number())


def begin(sign_in: SignIn, person: Person) -> SecondFactorNeeded:
    needed = sign_in.begin(person.handle, person.password, HOME)
    assert isinstance(needed, SecondFactorNeeded)
    return needed


def test_right_answer_completes_the_proof(sign_in: SignIn, alice: Person) -> None:
    needed = begin(sign_in, alice)
    assert (needed.kind, needed.hint) == ("number", "The number on your card")

    assert sign_in.finish(needed.ticket, NUMBER, HOME) == Proof(alice.row, None, HOME)
    with pytest.raises(AuthRequiredError, match="too long"):
        sign_in.finish(needed.ticket, NUMBER, HOME)


def test_who_has_none_is_not_asked(sign_in: SignIn, bob: Person) -> None:
    assert isinstance(sign_in.begin(bob.handle, bob.password, HOME), Proof)


def test_wrong_password_is_not_asked_for_more(sign_in: SignIn, alice: Person) -> None:
    with pytest.raises(AuthRequiredError, match="Invalid identifier or password"):
        sign_in.begin(alice.handle, "wrong", HOME)


def test_one_step_is_told_that_more_is_needed(sign_in: SignIn, alice: Person) -> None:
    with pytest.raises(SecondFactorRequiredError, match="The number on your card") as refused:
        sign_in.check(alice.handle, alice.password, HOME)

    assert (refused.value.status, refused.value.error) == (401, "AuthFactorTokenRequired")
    assert sign_in.finish(refused.value.needed.ticket, NUMBER, HOME).account == alice.row


def test_ticket_lapses(sign_in: SignIn, alice: Person, clock: StillClock) -> None:
    ticket = begin(sign_in, alice).ticket
    clock.advance(TICKET_LIFETIME_US / 1_000_000)

    with pytest.raises(AuthRequiredError, match=r"too long. Sign in again"):
        sign_in.finish(ticket, NUMBER, HOME)


def test_codes_cannot_be_guessed_by_who_has_the_password(sign_in: SignIn, alice: Person) -> None:
    names = [alice.handle, alice.email, alice.did]  # one count, whatever name was typed
    for number in range(10):
        needed = sign_in.begin(names[number % 3], alice.password, HOME)
        assert isinstance(needed, SecondFactorNeeded)
        with pytest.raises(AuthRequiredError, match="That code is wrong"):
            sign_in.finish(needed.ticket, "000000", HOME)

    with pytest.raises(LockedOutError):
        sign_in.finish(begin(sign_in, alice).ticket, NUMBER, HOME)


def test_programs_give_the_answer_along(
    services: Services, sign_in: SignIn, alice: Person, clock: StillClock
) -> None:
    sessions = Sessions(services.config, clock, sign_in)
    stored = rows("SELECT id FROM session")

    def log_in(token: str | None) -> None:
        sessions.login(alice.handle, alice.password, device=HOME, factor_token=token)

    for token, error in ((None, SecondFactorRequiredError), ("0", AuthRequiredError)):
        with pytest.raises(error):
            log_in(token)
    assert rows("SELECT id FROM session") == stored

    log_in(NUMBER)
    assert len(rows("SELECT id FROM session")) == len(stored) + 1


def test_app_passwords_need_no_second_factor(
    services: Services, sign_in: SignIn, alice: Person, clock: StillClock
) -> None:
    password = services.app_passwords.create(alice.did, "phone", privileged=False).password

    session = Sessions(services.config, clock, sign_in).login(alice.handle, password, device=HOME)

    assert session.account == alice.row


def test_method_passes_the_answer_on(services: Services, alice: Person) -> None:
    """Nobody has a second factor here yet, and an answer that nobody asked for does no harm."""
    body = {"identifier": alice.handle, "password": alice.password, "authFactorToken": NUMBER}

    assert ask(services, "com.atproto.server.createSession", input=body)["did"] == alice.did


def test_tickets_are_bounded(sign_in: SignIn, alice: Person, clock: StillClock) -> None:
    tickets = Tickets(clock)
    proof = Proof(alice.row)
    issued = [tickets.issue(proof) for _ in range(MAX_TICKETS + 1)]

    assert tickets.find(issued[0]) is None
    assert tickets.find(issued[1]) is not None
    assert len(set(issued)) == len(issued)
    assert issubclass(SecondFactorRequiredError, PdsError)
