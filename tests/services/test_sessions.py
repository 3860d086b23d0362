"""Sessions: who gets in, how long, and what a service token proves."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from pds.errors import (
    AccountTakedownError,
    AuthRequiredError,
    ExpiredTokenError,
    InvalidRequestError,
)
from pds.services.session_scopes import Scope
from pds.services.session_tokens import Tokens
from pds.storage import accounts, refresh_tokens
from pds.storage.database import close_thread_connection, execute, rows, transaction
from tests.factories import Person, StillClock, take_down

if TYPE_CHECKING:
    from pds.services import Services

HOUR_S = 3_600


def token_id_of(refresh_jwt: str) -> str:
    payload: dict[str, Any] = jwt.decode(refresh_jwt, options={"verify_signature": False})
    found = payload["jti"]
    assert isinstance(found, str)
    return found


def refresh(services: Services, refresh_jwt: str) -> Tokens:
    """What refreshSession does with a token."""
    claims = services.sessions.verify_refresh(refresh_jwt)
    assert claims.token_id is not None
    return services.sessions.refresh(claims.did, claims.token_id).tokens


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
    before = rows("SELECT * FROM refresh_token")

    with pytest.raises(AuthRequiredError, match=r"^Invalid identifier or password$"):
        services.sessions.login(identifier, password)
    assert rows("SELECT * FROM refresh_token") == before


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
    assert claims.expires_at_s == clock() // 1_000_000 + 2 * HOUR_S


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
    with transaction():
        execute("UPDATE refresh_token SET app_password_name = 'phone'")

    tokens = refresh(services, refresh(services, alice.refresh_jwt).refresh_jwt)

    assert services.sessions.verify_access(tokens.access_jwt).scope is Scope.APP_PASS
    assert {name for (name,) in rows("SELECT app_password_name FROM refresh_token")} == {"phone"}


def test_revoked_session_is_over(services: Services, alice: Person) -> None:
    services.sessions.revoke(token_id_of(alice.refresh_jwt))
    services.sessions.revoke(token_id_of(alice.refresh_jwt))

    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        refresh(services, alice.refresh_jwt)


def test_used_token_does_not_revive_a_session_that_was_logged_out(
    services: Services, alice: Person
) -> None:
    successor = refresh(services, alice.refresh_jwt)
    services.sessions.revoke(token_id_of(successor.refresh_jwt))

    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        refresh(services, alice.refresh_jwt)


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


def test_revoking_all_ends_every_session_of_one_account(
    services: Services, alice: Person, bob: Person
) -> None:
    services.sessions.issue(alice.row)
    with transaction():
        services.sessions.revoke_all(alice.row.id)

    assert refresh_tokens.find_token(token_id_of(alice.refresh_jwt)) is None
    assert len(rows("SELECT id FROM refresh_token")) == 1
    assert refresh(services, bob.refresh_jwt).access_jwt


def test_expire_drops_lapsed_sessions_only(
    services: Services, alice: Person, clock: StillClock
) -> None:
    successor = refresh(services, alice.refresh_jwt)
    clock.advance(2 * HOUR_S)

    assert services.sessions.expire() == 1
    assert services.sessions.expire() == 0
    assert refresh(services, successor.refresh_jwt).access_jwt


def test_token_ids_are_long_and_unpadded(services: Services, alice: Person) -> None:
    token_id = token_id_of(alice.refresh_jwt)

    assert len(token_id) == 43
    assert "=" not in token_id
