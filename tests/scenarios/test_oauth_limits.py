"""Budgets are the member's, whoever calls in their name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from tests.factories import Person, StillClock, make_config
from tests.oauth_tools import let_in
from tests.stage import Stage

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.requestEmailConfirmation"
AN_HOUR = 5  # points
GRANULAR = "atproto account:email?action=manage"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, rate_limits_enabled="true")


def test_apps_and_password_sessions_of_a_member_share_a_budget(
    stage: Stage, services: Services, alice: Person, bob: Person, clock: StillClock
) -> None:
    one, other, of_bob = (let_in(services, who, GRANULAR) for who in (alice, alice, bob))

    answers = [one.post(stage.web, NSID) for _ in range(2)]
    answers += [other.post(stage.web, NSID), stage.post(NSID, by=alice)]
    answers += [one.post(stage.web, NSID) for _ in range(2)]

    assert [answer.status for answer in answers] == [200] * AN_HOUR + [429]
    assert answers[-1].headers["DPoP-Nonce"]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert stage.post(NSID, by=alice).status == 429
    assert of_bob.post(stage.web, NSID).status == 200
    clock.advance(3_600)
    assert stage.post(NSID, by=alice).status == 200


def test_what_is_refused_for_its_scope_spends_nothing_of_the_members(
    stage: Stage, services: Services, alice: Person
) -> None:
    nosy = let_in(services, alice, "atproto transition:generic")

    for _ in range(2 * AN_HOUR):
        assert nosy.post(stage.web, NSID).status == 403

    assert stage.post(NSID, by=alice).headers["RateLimit-Remaining"] == str(AN_HOUR - 1)


def test_bad_proofs_cost_their_address(stage: Stage, services: Services, alice: Person) -> None:
    app = let_in(services, alice)
    path = "/xrpc/com.atproto.server.getSession"

    first, second = (app.send(stage.web, "GET", path, htm="PUT") for _ in range(2))

    assert (first.status, second.status) == (401, 401)
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in (first, second)]
    assert left[1] == left[0] - 1
