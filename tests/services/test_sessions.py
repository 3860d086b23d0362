"""Sessions: who gets in, how long, and what a service token proves."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import (
    AccountTakedownError,
    AuthRequiredError,
    ExpiredTokenError,
    InvalidRequestError,
)
from pds.services.devices import seen_device
from pds.services.session_scopes import Scope
from pds.storage import accounts
from pds.storage.database import close_thread_connection, execute, rows, transaction
from tests.factories import Person, StillClock, dump_tables, take_down
from tests.session_tools import refresh, tie_to_app_password, token_id_of

if TYPE_CHECKING:
    from pds.services import Services

HOUR_S = 3_600


# --- logging in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["handle", "did", "email"])
@pytest.mark.parametrize("spelling", [str, str.upper])
def test_login_by_any_name(services: Services, alice: Person, name: str, spelling: Any) -> None:
    identifier = getattr(alice, name)
    if name != "did":
        identifier = spelling(identifier)

    session = services.sessions.login(identifier, alice.password)

    assert session.account == alice.row
    claims = services.sessions.verify_access(session.tokens.access_jwt)
    assert (claims.did, claims.scope) == (alice.did, Scope.ACCESS)
    assert refresh(services, session.tokens.refresh_jwt).access_jwt


@pytest.mark.parametrize(
    ("identifier", "password"),
    [
        ("alice.test", "wrong"),
        ("alice.test", ""),
        ("alice@example.com", "Password of alice"),
        ("nobody.test", "password of alice"),
        ("nobody@example.com", "password of alice"),
        ("did:plc:ewvi7nxzyoun6zhxrhs64oiz", "password of alice"),
        ("", "password of alice"),
        ("@", "password of alice"),
    ],
)
def test_unknown_user_and_wrong_password_are_one_error(
    services: Services, alice: Person, identifier: str, password: str
) -> None:
    before = dump_tables()

    with pytest.raises(AuthRequiredError, match=r"^Invalid identifier or password$"):
        services.sessions.login(identifier, password)
    assert dump_tables() == before


def test_every_attempt_does_the_same_work(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, **settings: Any) -> bytes:
        calls.append(settings["n"])
        return scrypt(password, **settings)

    monkeypatch.setattr(hashlib, "scrypt", counting)
    for identifier in ["alice.test", "nobody.test", "nobody@example.com", "not an identifier"]:
        with pytest.raises(AuthRequiredError):
            services.sessions.login(identifier, "wrong")

    assert len(calls) == 4


def test_account_without_a_password_cannot_be_logged_in_to(
    services: Services, alice: Person
) -> None:
    with transaction():
        execute('UPDATE account SET "passwordScrypt" = NULL')

    with pytest.raises(AuthRequiredError, match=r"^Invalid identifier or password$"):
        services.sessions.login("alice.test", "")


def test_overlong_password_is_refused_before_any_work(services: Services, alice: Person) -> None:
    with pytest.raises(AuthRequiredError, match="Password too long"):
        services.sessions.login("alice.test", "x" * 513)
    with pytest.raises(AuthRequiredError, match="Invalid identifier or password"):
        services.sessions.login("alice.test", "x" * 512)


def test_deactivated_account_can_log_in(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    assert services.sessions.login("alice.test", alice.password).account.status == "deactivated"


def test_pending_sign_up_cannot_log_in(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET \"pendingOperation\" = '{}'")

    with pytest.raises(AuthRequiredError):
        services.sessions.login("alice.test", alice.password)


def test_taken_down_account_gets_in_only_on_request(services: Services, alice: Person) -> None:
    take_down(alice)
    with pytest.raises(AccountTakedownError):
        services.sessions.login("alice.test", alice.password)
    with pytest.raises(AuthRequiredError):
        services.sessions.login("alice.test", "wrong", allow_takendown=True)
    stored = rows("SELECT * FROM refresh_token")

    session = services.sessions.login("alice.test", alice.password, allow_takendown=True)

    claims = services.sessions.verify_access(session.tokens.access_jwt)
    assert claims.scope is Scope.TAKENDOWN
    assert rows("SELECT * FROM refresh_token") == stored
    [began] = [
        found for found in services.sessions.list_sessions(alice.row.id) if found.is_takendown
    ]
    assert began.id == claims.session_id
    with pytest.raises(AccountTakedownError):
        refresh(services, session.tokens.refresh_jwt)


def test_session_of_a_takedown_cannot_be_refreshed_after_its_reversal(
    services: Services, alice: Person
) -> None:
    take_down(alice)
    session = services.sessions.login("alice.test", alice.password, allow_takendown=True)
    with transaction():
        accounts.set_takedown(alice.row.id, None)

    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        refresh(services, session.tokens.refresh_jwt)


# --- refreshing ----------------------------------------------------------------------------------


def test_refresh_gives_a_new_pair(services: Services, alice: Person, clock: StillClock) -> None:
    clock.advance(60)
    tokens = refresh(services, alice.refresh_jwt)

    assert token_id_of(tokens.refresh_jwt) != token_id_of(alice.refresh_jwt)
    claims = services.sessions.verify_access(tokens.access_jwt)
    assert (claims.did, claims.scope) == (alice.did, Scope.ACCESS)
    clock.advance(2 * HOUR_S - 1)
    services.sessions.verify_access(tokens.access_jwt)
    clock.advance(1)
    with pytest.raises(ExpiredTokenError, match="Token has expired"):
        services.sessions.verify_access(tokens.access_jwt)


def test_used_token_gives_the_same_successor_within_the_grace(
    services: Services, alice: Person, clock: StillClock
) -> None:
    first = refresh(services, alice.refresh_jwt)
    clock.advance(2 * HOUR_S - 1)
    second = refresh(services, alice.refresh_jwt)
    assert token_id_of(first.refresh_jwt) == token_id_of(second.refresh_jwt)

    clock.advance(1)
    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        refresh(services, alice.refresh_jwt)
    assert refresh(services, first.refresh_jwt).access_jwt


def test_concurrent_refreshes_agree_on_one_successor(services: Services, alice: Person) -> None:
    results: list[str] = []
    start = threading.Barrier(10)

    def work() -> None:
        start.wait()
        try:
            results.append(token_id_of(refresh(services, alice.refresh_jwt).refresh_jwt))
        finally:
            close_thread_connection()

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 10
    assert len(set(results)) == 1
    assert len(rows("SELECT id FROM refresh_token")) == 2


def test_session_lives_on_as_long_as_it_is_refreshed(
    services: Services, alice: Person, clock: StillClock
) -> None:
    token = alice.refresh_jwt
    for _ in range(4):
        clock.advance(60 * 24 * HOUR_S)
        token = refresh(services, token).refresh_jwt

    clock.advance(90 * 24 * HOUR_S)
    with pytest.raises(ExpiredTokenError, match="Token has expired"):
        refresh(services, token)


def test_session_of_an_app_password_stays_one(services: Services, alice: Person) -> None:
    tie_to_app_password(alice.row, alice.refresh_jwt)

    tokens = refresh(services, refresh(services, alice.refresh_jwt).refresh_jwt)

    access = services.sessions.verify_access(tokens.access_jwt)
    assert (access.scope, access.app_password_name) == (Scope.APP_PASS, "phone")
    with transaction():
        execute("UPDATE app_password SET privileged = 1")
    tokens = refresh(services, tokens.refresh_jwt)
    access = services.sessions.verify_access(tokens.access_jwt)
    assert access.scope is Scope.APP_PASS_PRIVILEGED


def test_refreshing_is_remembered_as_a_use(
    services: Services, alice: Person, clock: StillClock
) -> None:
    began_us = clock()
    clock.advance(HOUR_S)
    refresh(services, alice.refresh_jwt)

    [session] = services.sessions.list_sessions(alice.row.id)
    assert (session.created_at_us, session.used_at_us) == (began_us, clock())


def test_token_of_one_account_does_not_serve_another(
    services: Services, alice: Person, bob: Person
) -> None:
    with pytest.raises(ExpiredTokenError):
        services.sessions.refresh(bob.did, token_id_of(alice.refresh_jwt))
    assert refresh(services, alice.refresh_jwt).access_jwt


def test_refresh_for_a_taken_down_or_vanished_account_is_refused(
    services: Services, alice: Person, bob: Person
) -> None:
    take_down(alice)
    with pytest.raises(AccountTakedownError):
        refresh(services, alice.refresh_jwt)
    with transaction():
        accounts.delete(bob.row.id)
    with pytest.raises(InvalidRequestError, match="Could not find user info"):
        refresh(services, bob.refresh_jwt)


def test_refresh_works_while_deactivated(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    assert refresh(services, alice.refresh_jwt).access_jwt


def test_token_ids_are_long_and_unpadded(services: Services, alice: Person) -> None:
    token_id = token_id_of(alice.refresh_jwt)

    assert len(token_id) == 43
    assert "=" not in token_id


# --- what is remembered --------------------------------------------------------------------------


def test_sessions_tell_where_they_were_begun(
    services: Services, alice: Person, clock: StillClock
) -> None:
    clock.advance(1)
    device = seen_device("Mozilla/5.0\r\x1b[31m " + "x" * 1_000, "192.0.2.7")
    services.sessions.login(alice.handle, alice.password, device=device)

    newest, first = services.sessions.list_sessions(alice.row.id)
    assert newest.ip == "192.0.2.7"
    assert newest.user_agent is not None
    assert newest.user_agent.startswith("Mozilla/5.0[31m xxx")
    assert len(newest.user_agent) <= 256
    assert (first.user_agent, first.ip) == (None, None)


@pytest.mark.parametrize("nothing", [None, "", "\r\n", "   "])
def test_a_device_may_say_nothing_of_itself(nothing: str | None) -> None:
    assert seen_device(nothing, nothing) == seen_device(None, None)
