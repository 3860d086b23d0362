"""What strangers spend of a budget must not keep the owner of an account from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.services.email_tokens import MAX_UNNAMED_GUESSES, UNNAMED_WINDOW_US
from pds.xrpc.limits import RESET_PASSWORD
from tests.factories import Person, StillClock, make_config
from tests.stage import code_of

if TYPE_CHECKING:
    from tests.stage import Stage
    from tests.web.harness import Answer

SERVER = "/xrpc/com.atproto.server."
HOME = "198.51.100.1"
HOUSEHOLD = 256  # /64 networks in the /56 that a household gets


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, rate_limits_enabled="true")


def post(stage: Stage, method: str, body: dict[str, str], address: str) -> int:
    return stage.web.post_json(SERVER + method, body, X_Forwarded_For=address).status


def log_in(stage: Stage, person: Person, password: str, address: str) -> Answer:
    body = {"identifier": person.handle, "password": password}
    return stage.web.post_json(SERVER + "createSession", body, X_Forwarded_For=address)


def test_guesses_wait_longer_and_longer(stage: Stage, alice: Person, clock: StillClock) -> None:
    for _ in range(10):
        assert log_in(stage, alice, "guess", HOME).status == 401
    for minutes in (1, 2, 4):
        refused = log_in(stage, alice, alice.password, HOME)
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        told = f"Too many wrong passwords. Try again in {wait}."
        assert refused.error == (429, "RateLimitExceeded", told)
        assert refused.headers["Retry-After"] == str(60 * minutes)
        clock.advance(60 * minutes)
        assert log_in(stage, alice, "guess", HOME).status == 401

    clock.advance(8 * 60)
    assert log_in(stage, alice, alice.password, HOME).status == 200
    assert log_in(stage, alice, "guess", HOME).status == 401  # starts anew


def test_owner_logs_in_where_she_has_been_while_strangers_guess(
    stage: Stage, alice: Person, clock: StillClock
) -> None:
    assert log_in(stage, alice, alice.password, HOME).status == 200
    guesses = [
        log_in(stage, alice, "guess", f"192.0.2.{number % 40}").status for number in range(130)
    ]
    assert guesses == [401] * 100 + [429] * 30

    assert log_in(stage, alice, alice.password, "198.51.100.77").status == 429
    assert log_in(stage, alice, alice.password, HOME).status == 200
    clock.advance(60)  # and elsewhere a minute later, if she is quicker than they are
    assert log_in(stage, alice, alice.password, "198.51.100.77").status == 200


def test_one_password_tried_on_all_names_waits(stage: Stage, alice: Person, bob: Person) -> None:
    assert log_in(stage, bob, bob.password, "192.0.2.1").status == 200  # who lives there, too
    for number in range(50):
        body = {"identifier": f"user{number}.test", "password": "12345678"}
        assert post(stage, "createSession", body, "192.0.2.1") == 401

    assert log_in(stage, alice, alice.password, "192.0.2.1").status == 429
    assert log_in(stage, bob, bob.password, "192.0.2.1").status == 200
    assert log_in(stage, alice, alice.password, HOME).status == 200


def test_new_password_is_not_held_up_by_guesses_at_the_old(stage: Stage, alice: Person) -> None:
    for _ in range(11):
        log_in(stage, alice, "guess", HOME)
    assert post(stage, "requestPasswordReset", {"email": alice.email}, HOME) == 200
    reset = {"token": code_of(alice, "reset_password"), "password": "another"}
    assert post(stage, "resetPassword", reset, HOME) == 200

    assert log_in(stage, alice, "another", HOME).status == 200


def test_deletion_is_no_way_to_guess_on(stage: Stage, alice: Person) -> None:
    deletion = {"did": alice.did, "token": "AAAAA-AAAAA"}
    guesses = [
        post(stage, "deleteAccount", {**deletion, "password": "guess"}, HOME) for _ in range(11)
    ]
    assert guesses == [401] * 10 + [429]

    assert post(stage, "deleteAccount", {**deletion, "password": alice.password}, HOME) == 429
    body = {"identifier": alice.did, "password": alice.password}
    assert post(stage, "createSession", body, HOME) == 429


def test_owner_can_delete_the_account_while_strangers_guess(stage: Stage, alice: Person) -> None:
    login = {"identifier": alice.handle, "password": alice.password}
    assert post(stage, "createSession", login, HOME) == 200
    stage.ok("com.atproto.server.requestAccountDelete", by=alice)
    deletion = {"did": alice.did, "token": code_of(alice, "delete_account")}

    guesses = [
        post(stage, "deleteAccount", {**deletion, "password": "guess"}, f"192.0.2.{number % 8}")
        for number in range(102)
    ]

    assert guesses == [401] * 80 + [429] * 22  # ten from each address
    assert post(stage, "deleteAccount", {**deletion, "password": alice.password}, HOME) == 200


def test_strangers_cannot_keep_the_owner_from_a_reset_for_a_day(
    stage: Stage, alice: Person, clock: StillClock
) -> None:
    body = {"email": alice.email}
    for hour in range(6):
        asked = [post(stage, "requestPasswordReset", body, f"192.0.2.{hour}") for _ in range(6)]
        assert asked == [200] * 5 + [429]
        clock.advance(3_600)

    assert post(stage, "requestPasswordReset", body, HOME) == 200


def test_one_household_cannot_spend_the_guesses_of_all() -> None:
    [limit] = RESET_PASSWORD
    windows = UNNAMED_WINDOW_US // 1_000_000 // limit.window_s + 1

    assert limit.points * windows * HOUSEHOLD < MAX_UNNAMED_GUESSES
