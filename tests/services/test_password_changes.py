"""A member's own change of password: what it takes, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.config import Config
from pds.errors import AuthRequiredError, InvalidPasswordError, InvalidTokenError
from pds.services.devices import Device
from pds.services.lock_outs import LockedOutError
from pds.services.passwords import hash_password
from pds.services.sign_in import WrongPasswordError
from pds.storage.database import rows
from tests.factories import Person, make_config
from tests.leftovers import all_rows
from tests.stage import code_of

if TYPE_CHECKING:
    from pds.services import Services

HOME = Device("Firefox", "192.0.2.7")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, rate_limits_enabled="true")


def change(
    services: Services, person: Person, old: str, new: str = "a new one", **how: Any
) -> None:
    services.password_changes.change(person.row.id, old, new, device=HOME, **how)


def mail_of(topic: str) -> str:
    [(text,)] = rows("SELECT text FROM outgoing_mail WHERE topic = ?", (topic,))
    return " ".join(str(text).split())


def test_new_password_counts(services: Services, alice: Person) -> None:
    change(services, alice, alice.password)

    assert services.sign_in.check(alice.handle, "a new one", HOME).account == alice.row
    with pytest.raises(AuthRequiredError):
        services.sign_in.check(alice.handle, alice.password, HOME)
    assert "All devices and apps must sign in anew." in mail_of("password_changed")


def test_mail_says_so_when_others_stay(services: Services, alice: Person) -> None:
    change(services, alice, alice.password, keep_others=True)

    assert "Devices and apps that were signed in stay so." in mail_of("password_changed")


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("wrong", "a new one", WrongPasswordError),
        ("", "a new one", WrongPasswordError),
        ("password of alice", "", InvalidPasswordError),
        ("password of alice", "7 chars", InvalidPasswordError),
        ("password of alice", "x" * 257, InvalidPasswordError),
        ("x" * 513, "a new one", AuthRequiredError),
    ],
)
def test_refusal_changes_nothing(
    services: Services, alice: Person, old: str, new: str, error: type[Exception]
) -> None:
    before = all_rows()

    with pytest.raises(error):
        change(services, alice, old, new)
    assert all_rows() == before


def test_app_password_is_not_enough(services: Services, alice: Person) -> None:
    password = services.app_passwords.create(alice.did, "phone", privileged=True).password
    before = all_rows()

    with pytest.raises(WrongPasswordError):
        change(services, alice, password)
    assert all_rows() == before


def test_stolen_browser_cannot_guess_for_ever(services: Services, alice: Person) -> None:
    for _ in range(10):
        with pytest.raises(WrongPasswordError):
            change(services, alice, "wrong")

    with pytest.raises(LockedOutError):
        change(services, alice, alice.password)


def test_code_that_was_asked_for_before_is_void(services: Services, alice: Person) -> None:
    services.password_changes.request_reset(alice.email)
    code = code_of(alice, "reset_password")
    change(services, alice, alice.password)

    with pytest.raises(InvalidTokenError):
        services.password_changes.reset(code, "by the thief of the mail")


def test_change_in_between_wins(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., str] = hash_password

    def hash_slowly(password: str, **how: Any) -> str:
        monkeypatch.setattr("pds.services.password_changes.hash_password", original)
        services.password_changes.change_by_operator(alice.did, "the operator's")
        return original(password, **how)

    monkeypatch.setattr("pds.services.password_changes.hash_password", hash_slowly)
    with pytest.raises(WrongPasswordError):
        change(services, alice, alice.password)

    assert services.sign_in.check(alice.handle, "the operator's", HOME).account == alice.row


def test_account_that_has_gone_has_no_password(services: Services) -> None:
    with pytest.raises(WrongPasswordError):
        services.password_changes.change(12_345, "old", "a new one", device=HOME)
