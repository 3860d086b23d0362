"""App passwords: made, named, listed, revoked; and who they let in."""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import (
    AccountNotFoundError,
    AuthRequiredError,
    ExpiredTokenError,
    InvalidRequestError,
)
from pds.services import app_passwords, passwords
from pds.services.devices import Device
from pds.services.log_in_check import Proof, check_passwords
from pds.services.passwords import app_password_salt, hash_password
from pds.services.session_scopes import Scope
from pds.services.sessions import Session
from pds.storage import accounts
from pds.storage.accounts import AccountRow
from pds.storage.database import rows, transaction
from tests.factories import Person, StillClock, dump_tables, make_account, race, take_down
from tests.session_tools import refresh

if TYPE_CHECKING:
    from pds.services import Services

FORM = r"[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}"


def make(
    services: Services, person: Person, name: str = "phone", *, privileged: bool = False
) -> str:
    return services.app_passwords.create(person.did, name, privileged=privileged).password


def log_in(services: Services, person: Person, password: str, **settings: Any) -> Session:
    return services.sessions.login(person.handle, password, **settings)


# --- making --------------------------------------------------------------------------------------


def test_stored_form_is_that_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "SCRYPT_COST", 16_384)
    did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"

    assert hash_password("abcd-efgh-2345-wxyz", salt=app_password_salt(did)) == (
        "099e4ea96cd62c05a232331859d20c97:"
        "b530a60786e6c3332c638b4812c77d08df88be1e50a9b907e8f12ac8a8850b98"
        "96f3d85f5c5f2016e70dc641b1c4853fc29a8a0ae0c0ac3e3de26635035ecb9b"
    )


def test_password_is_shown_once_and_kept_as_a_hash(
    services: Services, alice: Person, clock: StillClock
) -> None:
    made = services.app_passwords.create(alice.did, "my phone", privileged=True)

    assert re.fullmatch(FORM, made.password)
    assert made.password not in str(rows("SELECT * FROM app_password"))
    [row] = services.app_passwords.list_all(alice.did)
    assert row == made.row
    assert (row.name, bool(row.privileged)) == ("my phone", True)
    assert row.created_at == "2026-09-21T14:13:20.000Z"
    assert make(services, alice, "other") != made.password


@pytest.mark.parametrize("name", ["", "  ", "x" * 257, "a\nb", "a\x00b", "\x1b[31m"])
def test_unusable_name_is_refused(services: Services, alice: Person, name: str) -> None:
    with pytest.raises(InvalidRequestError, match="name of an app password"):
        make(services, alice, name)
    assert rows("SELECT * FROM app_password") == []


@pytest.mark.parametrize("name", ["x" * 256, "Télé 👨‍👩‍👧", "<b>", "' OR 1=1 --"])
def test_any_other_name_is_fine(services: Services, alice: Person, name: str) -> None:
    make(services, alice, name)

    assert [row.name for row in services.app_passwords.list_all(alice.did)] == [name]


def test_names_are_unique_within_an_account(services: Services, alice: Person, bob: Person) -> None:
    password = make(services, alice)
    make(services, bob)

    with pytest.raises(InvalidRequestError, match="already an app password with this name: phone"):
        make(services, alice)
    assert log_in(services, alice, password).account == alice.row


def test_one_of_two_that_want_the_same_name_at_once_gets_it(
    services: Services, alice: Person
) -> None:
    outcomes = race([lambda: make(services, alice)] * 2)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidRequestError", "str"]


def test_number_per_account_is_bounded(
    services: Services, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_passwords, "MAX_PER_ACCOUNT", 2)
    make(services, alice, "a")
    make(services, alice, "b")

    with pytest.raises(InvalidRequestError, match="at most 2 app passwords"):
        make(services, alice, "c")
    make(services, bob, "c")
    services.app_passwords.revoke(alice.did, "a")
    make(services, alice, "c")


def test_newest_is_listed_first(services: Services, alice: Person, clock: StillClock) -> None:
    for name in ("b", "c", "a"):
        make(services, alice, name)
        clock.advance(0 if name == "b" else 1)

    assert [row.name for row in services.app_passwords.list_all(alice.did)] == ["a", "c", "b"]


def test_account_that_is_gone_has_none(services: Services, alice: Person) -> None:
    make(services, alice)
    with transaction():
        accounts.delete(alice.row.id)

    assert rows("SELECT * FROM app_password") == []
    for attempt in (
        lambda: make(services, alice),
        lambda: services.app_passwords.list_all(alice.did),
        lambda: services.app_passwords.revoke(alice.did, "phone"),
    ):
        with pytest.raises(AccountNotFoundError):
            attempt()


# --- logging in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("privileged", "scope"),
    [(False, Scope.APP_PASS), (True, Scope.APP_PASS_PRIVILEGED)],
)
@pytest.mark.parametrize("by", ["handle", "did", "email"])
def test_app_password_lets_in_with_fewer_rights(
    services: Services, alice: Person, by: str, scope: Scope, *, privileged: bool
) -> None:
    password = make(services, alice, privileged=privileged)

    session = services.sessions.login(getattr(alice, by), password)

    access = services.sessions.verify_access(session.tokens.access_jwt)
    assert (access.did, access.scope, access.app_password_name) == (alice.did, scope, "phone")
    refreshed = refresh(services, session.tokens.refresh_jwt)
    assert services.sessions.verify_access(refreshed.access_jwt).scope is scope


def test_app_password_is_its_accounts_alone(services: Services, alice: Person, bob: Person) -> None:
    password = make(services, alice)

    for identifier, given in [(bob.handle, password), (alice.handle, password.upper())]:
        with pytest.raises(AuthRequiredError, match=r"^Invalid identifier or password$"):
            services.sessions.login(identifier, given)


def test_each_of_several_is_recognised(services: Services, alice: Person) -> None:
    made = {name: make(services, alice, name) for name in ("a", "b", "c")}

    for name, password in made.items():
        tokens = log_in(services, alice, password).tokens
        access = services.sessions.verify_access(tokens.access_jwt)
        assert access.app_password_name == name


def test_own_password_in_the_form_of_an_app_password_has_every_right(services: Services) -> None:
    carol = make_account(services, "carol", password="abcd-efgh-2345-wxyz")

    tokens = log_in(services, carol, carol.password).tokens
    assert services.sessions.verify_access(tokens.access_jwt).scope is Scope.ACCESS


@pytest.mark.parametrize("allow_takendown", [False, True])
def test_app_password_of_a_taken_down_account_is_wrong(
    services: Services, alice: Person, *, allow_takendown: bool
) -> None:
    password = make(services, alice)
    take_down(alice)
    before = dump_tables()

    with pytest.raises(AuthRequiredError, match=r"^Invalid identifier or password$"):
        log_in(services, alice, password, allow_takendown=allow_takendown)
    assert dump_tables() == before


def test_app_password_of_a_deactivated_account_is_good(services: Services, alice: Person) -> None:
    password = make(services, alice)
    services.accounts.deactivate(alice.did)

    assert log_in(services, alice, password).account.status == "deactivated"


def test_work_depends_on_what_was_typed_alone(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right or wrong, known or unknown: one scrypt, or two in the form of an app password."""
    right = make(services, alice)
    calls: list[int] = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, **settings: Any) -> bytes:
        calls.append(settings["n"])
        return scrypt(password, **settings)

    monkeypatch.setattr(hashlib, "scrypt", counting)

    def work(identifier: str, password: str) -> int:
        calls.clear()
        with contextlib.suppress(AuthRequiredError):
            services.sessions.login(identifier, password)
        return len(calls)

    wrong = "aaaa-bbbb-cccc-dddd"
    known, unknown = "alice.test", "nobody.test"
    assert [work(known, right), work(known, wrong), work(unknown, right)] == [2, 2, 2]
    assert [work(known, alice.password), work(known, "no"), work(unknown, "no")] == [1, 1, 1]


# --- revoking ------------------------------------------------------------------------------------


def test_revoking_ends_its_sessions_and_no_others(
    services: Services, alice: Person, bob: Person
) -> None:
    password, kept = make(services, alice), make(services, alice, "desk")
    make(services, bob)
    ended, other = log_in(services, alice, password).tokens, log_in(services, alice, kept).tokens

    for _ in range(2):
        services.app_passwords.revoke(alice.did, "phone")

    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        services.sessions.verify_access(ended.access_jwt)
    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        refresh(services, ended.refresh_jwt)
    with pytest.raises(AuthRequiredError):
        log_in(services, alice, password)
    assert refresh(services, other.refresh_jwt).access_jwt
    assert refresh(services, alice.refresh_jwt).access_jwt
    assert [row.name for row in services.app_passwords.list_all(bob.did)] == ["phone"]


# --- between the check and the session -----------------------------------------------------------


def change_password(services: Services, person: Person) -> None:
    with transaction():
        accounts.set_password(person.row.id, hash_password("a new one"))
        services.sessions.revoke_all(person.row.id)


def revoke(services: Services, person: Person) -> None:
    services.app_passwords.revoke(person.did, "phone")


def make_anew(services: Services, person: Person) -> None:
    revoke(services, person)
    make(services, person)


def delete(services: Services, person: Person) -> None:
    del services
    with transaction():
        accounts.delete(person.row.id)


def lose_rights(services: Services, person: Person) -> None:
    del services
    take_down(person)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("own", change_password),
        ("own", delete),
        ("own", lose_rights),
        ("app", revoke),
        ("app", make_anew),
        ("app", delete),
        ("app", lose_rights),
    ],
)
def test_password_that_ends_while_it_is_checked_lets_nobody_in(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch, kind: str, change: Any
) -> None:
    password = {"own": alice.password, "app": make(services, alice)}[kind]

    def check_and_lose(account: AccountRow | None, given: str, device: Device) -> Proof:
        proof = check_passwords(account, given, device)
        change(services, alice)
        return proof

    monkeypatch.setattr("pds.services.sign_in.check_passwords", check_and_lose)
    with pytest.raises(AuthRequiredError, match=r"^Invalid identifier or password$"):
        log_in(services, alice, password)
    assert rows("SELECT * FROM session WHERE app_password_name IS NOT NULL") == []
