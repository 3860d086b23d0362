"""Signing in on pages and by ``createSession``: one count, one answer, one place for more."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.config import Config
from pds.errors import AccountTakedownError, AuthRequiredError
from pds.services.devices import Device
from pds.services.known_places import KnownPlaces
from pds.services.lock_outs import LockedOutError
from pds.services.log_in_check import Proof
from pds.services.passwords import PasswordsBusyError
from pds.services.sign_in import AppPasswordOnPageError
from pds.storage import accounts
from pds.storage.database import rows, transaction
from tests.factories import Person, StillClock, dump_tables, make_config, take_down

if TYPE_CHECKING:
    from pds.services import Services

HOME = Device("Mozilla/5.0 Firefox/140.0", "192.0.2.7")
AWAY = Device("Mozilla/5.0 Firefox/140.0", "198.51.100.9")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, rate_limits_enabled="true", rate_limit_bypass_key="let-me")


def stranger(number: int) -> Device:
    return Device("curl", f"203.0.113.{number}")


def fail(
    services: Services, name: str, device: Device = HOME, times: int = 1, password: str = "wrong"
) -> None:
    for _ in range(times):
        with pytest.raises(AuthRequiredError, match=r"^Invalid identifier or password$"):
            services.sign_in.check(name, password, device)


@pytest.mark.parametrize("name", ["handle", "did", "email"])
def test_password_proves_who_one_is_by_any_name(
    services: Services, alice: Person, name: str
) -> None:
    before = dump_tables()

    proof = services.sign_in.check(getattr(alice, name), alice.password, HOME)

    assert proof == Proof(alice.row, None, HOME)
    assert dump_tables() == before


@pytest.mark.parametrize("identifier", ["alice.test", "nobody.test", "nobody@example.com", "", "@"])
def test_every_attempt_fails_alike_and_does_the_same_work(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch, identifier: str
) -> None:
    hashed: list[int] = []
    asked: list[str] = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, **settings: Any) -> bytes:
        hashed.append(settings["n"])
        return scrypt(password, **settings)

    def listing(account_id: int, limit: int) -> list[tuple[str | None, str | None]]:
        del account_id, limit
        asked.append("places")
        return []

    monkeypatch.setattr(hashlib, "scrypt", counting)
    monkeypatch.setattr("pds.storage.places.list_for_account", listing)
    fail(services, identifier)

    assert (len(hashed), asked) == (1, ["places"])


def test_deactivated_may_and_taken_down_may_not(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    assert services.sign_in.check(alice.handle, alice.password, HOME).account == alice.row

    take_down(alice)
    fail(services, alice.handle)
    with pytest.raises(AccountTakedownError):
        services.sign_in.check(alice.handle, alice.password, HOME)


def test_app_password_is_recognised_on_pages_and_not_accepted(
    services: Services, alice: Person, bob: Person
) -> None:
    password = services.app_passwords.create(alice.did, "phone", privileged=True).password
    with pytest.raises(AppPasswordOnPageError, match="the password of your account"):
        services.sign_in.check(alice.handle, password, HOME)

    fail(services, bob.handle, password=password)  # nobody else learns that it is one
    fail(services, "nobody.test", password=password)


def test_pages_and_programs_share_the_counts(services: Services, alice: Person) -> None:
    fail(services, alice.handle, times=5)
    for _ in range(5):
        with pytest.raises(AuthRequiredError):
            services.sessions.login(alice.handle, "wrong", device=HOME)

    with pytest.raises(LockedOutError) as locked:
        services.sign_in.check(alice.handle, alice.password, HOME)
    assert (locked.value.status, locked.value.retry_after) == (429, "60")
    with pytest.raises(LockedOutError):
        services.sessions.login(alice.handle, alice.password, device=HOME)


def test_nothing_is_hashed_for_who_has_to_wait(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(services, alice.handle, times=10)
    monkeypatch.setattr("pds.services.passwords.hash_password", _must_not_happen)

    with pytest.raises(LockedOutError):
        services.sign_in.check(alice.handle, alice.password, HOME)


def test_after_the_wait_the_right_password_starts_anew(
    services: Services, alice: Person, clock: StillClock
) -> None:
    fail(services, alice.handle, times=10)
    clock.advance(60)

    services.sign_in.check(alice.handle, alice.password, HOME)
    fail(services, alice.handle, times=10)


def test_names_that_do_not_exist_wait_alike(services: Services) -> None:
    fail(services, "nobody.test", times=10)

    with pytest.raises(LockedOutError):
        services.sign_in.check("@Nobody.test ", "wrong", HOME)


def test_handle_and_address_are_not_told_to_be_one(services: Services, alice: Person) -> None:
    """Else whoever spends the guesses of a handle could try whose e-mail address waits too."""
    fail(services, alice.handle, times=10)

    fail(services, alice.email)


def test_strangers_do_not_keep_a_member_from_where_she_has_been(
    services: Services, alice: Person
) -> None:
    services.sign_in.check(alice.handle, alice.password, HOME)
    for number in range(10):
        fail(services, alice.handle, stranger(number), times=10)

    with pytest.raises(LockedOutError):
        services.sign_in.check(alice.handle, alice.password, AWAY)
    services.sign_in.check(alice.handle, alice.password, HOME)
    services.sign_in.check(alice.email, alice.password, HOME)  # by whatever name


def test_place_of_a_session_is_known_after_a_restart(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.sessions.login(alice.handle, alice.password, device=HOME)
    monkeypatch.setattr(services.sign_in, "_places", KnownPlaces())  # a new process
    for number in range(10):
        fail(services, alice.handle, stranger(number), times=10)

    services.sign_in.check(alice.handle, alice.password, HOME)


def test_app_password_wins_no_guesses_back(services: Services, alice: Person) -> None:
    password = services.app_passwords.create(alice.did, "phone", privileged=True).password
    for _ in range(9):
        fail(services, alice.handle)
        services.sessions.login(alice.handle, password, device=HOME)
    fail(services, alice.handle)

    with pytest.raises(LockedOutError):
        services.sign_in.check(alice.handle, "wrong", HOME)


def test_app_password_makes_no_address_known(services: Services, alice: Person) -> None:
    password = services.app_passwords.create(alice.did, "phone", privileged=True).password
    for number in range(10):
        services.sessions.login(alice.handle, password, device=stranger(number))
        fail(services, alice.handle, stranger(number), times=10)

    services.sessions.login(alice.handle, password, device=AWAY)
    with pytest.raises(LockedOutError):
        services.sign_in.check(alice.handle, "wrong", AWAY)


def test_programs_get_in_whatever_strangers_do(services: Services, alice: Person) -> None:
    password = services.app_passwords.create(alice.did, "phone", privileged=True).password
    for number in range(10):
        fail(services, alice.handle, stranger(number), times=10)
    for number in range(50):
        fail(services, f"user{number}.test")  # from where the program runs

    assert services.sessions.login(alice.handle, password, device=HOME).account == alice.row


def test_attempts_that_are_not_looked_at_are_not_counted(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*given: Any) -> Proof:
        raise PasswordsBusyError

    with monkeypatch.context() as patch:
        patch.setattr("pds.services.sign_in.check_passwords", busy)
        for _ in range(30):
            with pytest.raises(PasswordsBusyError):
                services.sign_in.check(alice.handle, alice.password, HOME)

    services.sign_in.check(alice.handle, alice.password, HOME)


def test_right_passwords_of_the_wrong_kind_are_no_guesses(
    services: Services, alice: Person
) -> None:
    take_down(alice)
    for _ in range(30):
        with pytest.raises(AccountTakedownError):
            services.sign_in.check(alice.handle, alice.password, HOME)


def test_operators_exceptions_hold(services: Services, alice: Person) -> None:
    for _ in range(30):
        with pytest.raises(AuthRequiredError):
            services.sign_in.check(alice.handle, "wrong", HOME, bypass_key="let-me")

    fail(services, alice.handle, times=10)
    with pytest.raises(LockedOutError):
        services.sign_in.check(alice.handle, "wrong", HOME, bypass_key="let-you")


def test_new_password_starts_anew(services: Services, alice: Person) -> None:
    fail(services, alice.handle, times=10)
    services.password_changes.change_by_operator(alice.did, "another")

    services.sign_in.check(alice.handle, "another", HOME)


def test_operator_reads_who_has_to_wait(
    services: Services, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    fail(services, alice.handle, times=9)
    assert caplog.messages == []
    fail(services, alice.handle)
    fail(services, "hunter2", times=10)

    assert caplog.messages == [
        "wrong passwords for @alice.test from 192.0.2.7: the next has to wait a minute",
        "wrong passwords for an account that does not exist from 192.0.2.7: the next has to wait"
        " a minute",
    ]


def test_proof_is_void_once_the_password_is_another(services: Services, alice: Person) -> None:
    proof = services.sign_in.check(alice.handle, alice.password, HOME)
    services.password_changes.change_by_operator(alice.did, "another")
    with transaction():
        assert not services.sign_in.settle(proof)
    assert _topics() == ["password_changed"]

    again = services.sign_in.check(alice.handle, "another", HOME)
    with transaction():
        accounts.delete(alice.row.id)
    with transaction():
        assert not services.sign_in.settle(again)


def test_new_place_is_told_of_unless_the_browser_is_known(
    services: Services, alice: Person
) -> None:
    proof = services.sign_in.check(alice.handle, alice.password, HOME)
    with transaction():
        assert services.sign_in.settle(proof, is_known=True)
    assert _topics() == []

    with transaction():
        assert services.sign_in.settle(proof)
    assert _topics() == ["new_sign_in"]


def _topics() -> list[str]:
    return [topic for (topic,) in rows("SELECT topic FROM outgoing_mail")]


def _must_not_happen(*given: Any, **named: Any) -> str:
    raise AssertionError
