"""When a session ends, everything that was given out for it is worth nothing at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import ExpiredTokenError, InvalidRequestError
from pds.services.session_tokens import Tokens
from pds.storage import accounts
from pds.storage.database import rows, transaction
from tests.factories import Person, StillClock, take_down
from tests.session_tools import (
    log_out,
    refresh,
    tie_to_app_password,
    token_id_of,
)

if TYPE_CHECKING:
    from pds.services import Services

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


def log_in(services: Services, person: Person) -> Tokens:
    return services.sessions.login(person.handle, person.password).tokens


def assert_over(services: Services, *tokens: Tokens | Person) -> None:
    """Neither half of these pairs is good for anything."""
    for pair in tokens:
        with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
            services.sessions.verify_access(pair.access_jwt)
        with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
            refresh(services, pair.refresh_jwt)


def assert_alive(services: Services, *tokens: Tokens | Person) -> None:
    for pair in tokens:
        assert services.sessions.verify_access(pair.access_jwt).session_id
        assert refresh(services, pair.refresh_jwt).access_jwt


def test_logging_out_ends_the_whole_session_and_no_other(
    services: Services, alice: Person, bob: Person
) -> None:
    second = refresh(services, alice.refresh_jwt)
    third = refresh(services, second.refresh_jwt)
    other = log_in(services, alice)

    for _ in range(2):
        log_out(services, third.refresh_jwt)

    assert_over(services, alice, second, third)
    assert_alive(services, other, bob)


@pytest.mark.parametrize("waited_s", [0, 3 * HOUR_S, 91 * DAY_S])
def test_an_old_token_logs_out_too(
    services: Services, alice: Person, clock: StillClock, waited_s: int
) -> None:
    """Used before, past its grace, or lapsed and forgotten: it still names its session."""
    second = refresh(services, alice.refresh_jwt)
    clock.advance(min(waited_s, 3 * HOUR_S))
    second = refresh(services, second.refresh_jwt)
    clock.advance(waited_s - 3 * HOUR_S if waited_s > 3 * HOUR_S else 0)
    services.sessions.expire()

    log_out(services, alice.refresh_jwt)

    assert rows("SELECT * FROM session") == rows("SELECT * FROM refresh_token") == []


def test_token_that_names_no_session_logs_out_by_its_id(
    services: Services, alice: Person, bob: Person
) -> None:
    """The reference server's refresh tokens."""
    services.sessions.log_out(token_id_of(alice.refresh_jwt), None)
    services.sessions.log_out("unknown", None)

    assert_over(services, alice)
    assert_alive(services, bob)


def test_session_of_a_takedown_can_be_logged_out(services: Services, alice: Person) -> None:
    take_down(alice)
    tokens = services.sessions.login(alice.handle, alice.password, allow_takendown=True).tokens

    log_out(services, tokens.refresh_jwt)

    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        services.sessions.verify_access(tokens.access_jwt)


def test_revoking_all_ends_every_session_of_one_account(
    services: Services, alice: Person, bob: Person
) -> None:
    of_app = log_in(services, alice)
    tie_to_app_password(alice.row, of_app.refresh_jwt)
    with transaction():
        services.sessions.revoke_all(alice.row.id)

    assert_over(services, alice, of_app)
    assert_alive(services, bob)


def test_sessions_go_with_the_account(services: Services, alice: Person, bob: Person) -> None:
    with transaction():
        accounts.delete(alice.row.id)

    with pytest.raises(ExpiredTokenError, match="Token has been revoked"):
        services.sessions.verify_access(alice.access_jwt)
    with pytest.raises(InvalidRequestError, match="Could not find user info"):
        refresh(services, alice.refresh_jwt)
    assert_alive(services, bob)


def test_expire_drops_used_tokens_and_keeps_their_session(
    services: Services, alice: Person, clock: StillClock
) -> None:
    successor = refresh(services, alice.refresh_jwt)
    clock.advance(2 * HOUR_S)

    assert services.sessions.expire() == 0

    assert rows("SELECT id FROM refresh_token") == [(token_id_of(successor.refresh_jwt),)]
    assert refresh(services, successor.refresh_jwt).access_jwt


def test_expire_drops_sessions_that_nobody_refreshed(
    services: Services, alice: Person, bob: Person, clock: StillClock
) -> None:
    clock.advance(89 * DAY_S)
    refresh(services, bob.refresh_jwt)
    clock.advance(DAY_S)

    assert services.sessions.expire() == 1
    assert services.sessions.expire() == 0
    assert services.sessions.list_sessions(alice.row.id) == []
    assert len(services.sessions.list_sessions(bob.row.id)) == 1


def test_expire_keeps_the_session_of_a_takedown_while_its_token_is_good(
    services: Services, alice: Person, clock: StillClock
) -> None:
    take_down(alice)
    tokens = services.sessions.login(alice.handle, alice.password, allow_takendown=True).tokens
    clock.advance(2 * HOUR_S - 1)
    assert services.sessions.expire() == 0
    services.sessions.verify_access(tokens.access_jwt)

    clock.advance(1)
    assert services.sessions.expire() == 1
