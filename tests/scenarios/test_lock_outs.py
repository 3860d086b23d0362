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

SERVER = "/xrpc/com.atproto.server."
HOME = "198.51.100.1"
HOUSEHOLD = 256  # /64 networks in the /56 that a household gets


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, rate_limits_enabled="true")


def post(stage: Stage, method: str, body: dict[str, str], address: str) -> int:
    return stage.web.post_json(SERVER + method, body, X_Forwarded_For=address).status


def test_owner_can_delete_the_account_while_strangers_guess(stage: Stage, alice: Person) -> None:
    login = {"identifier": alice.handle, "password": alice.password}
    assert post(stage, "createSession", login, HOME) == 200
    stage.ok("com.atproto.server.requestAccountDelete", by=alice)
    deletion = {"did": alice.did, "token": code_of(alice, "delete_account")}

    guesses = [
        post(stage, "deleteAccount", {**deletion, "password": "guess"}, f"192.0.2.{number % 8}")
        for number in range(102)
    ]

    assert guesses == [401] * 100 + [429] * 2
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
