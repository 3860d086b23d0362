"""getAccountInviteCodes: what a member has earned, was given, and has handed out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.config import Config
from pds.errors import NotFoundError
from pds.services import build_services
from pds.storage.database import rows
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.factories import Person, StillClock, ask, make_account, make_code, make_config, race

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.getAccountInviteCodes"
DAY_S = 86_400
NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    day_ms = str(DAY_S * 1_000)
    return make_config(tmp_path, invite_required="true", invite_interval=day_ms)


@pytest.fixture
def alice(services: Services) -> Person:
    return make_account(services, "alice", invite_code=make_code(services))


def codes_of(services: Services, person: Person, **params: Any) -> list[dict[str, Any]]:
    given = {"includeUsed": True, "createAvailable": True, **params}
    codes: list[dict[str, Any]] = ask(services, NSID, person.caller, params=given)["codes"]
    return codes


def stored() -> list[tuple[Any, ...]]:
    return rows("SELECT disabled FROM invite_code WHERE for_account != 'admin'")


def test_codes_are_earned_with_time(services: Services, alice: Person, clock: StillClock) -> None:
    assert codes_of(services, alice) == []
    clock.advance(2 * DAY_S)
    first, second = codes_of(services, alice)

    assert first["code"] != second["code"]
    assert {(code["available"], code["disabled"]) for code in (first, second)} == {(1, False)}
    assert {(code["forAccount"], code["createdBy"]) for code in (first, second)} == {
        (alice.did, alice.did)
    }
    assert codes_of(services, alice) == [first, second]
    clock.advance(30 * DAY_S)
    assert len(codes_of(services, alice)) == 5


def test_earned_codes_are_made_only_when_asked_for(
    services: Services, alice: Person, clock: StillClock
) -> None:
    clock.advance(2 * DAY_S)

    assert codes_of(services, alice, createAvailable=False) == []
    assert stored() == []


def test_code_opens_the_door_and_shows_who_came(
    services: Services, alice: Person, clock: StillClock
) -> None:
    clock.advance(DAY_S)
    [code] = codes_of(services, alice)
    bob = make_account(services, "bob", invite_code=code["code"])

    [used] = codes_of(services, alice)
    assert [use["usedBy"] for use in used["uses"]] == [bob.did]
    assert codes_of(services, alice, includeUsed=False) == []
    clock.advance(DAY_S)
    assert len(codes_of(services, alice, includeUsed=False)) == 1


def test_racing_calls_make_what_is_due_once(
    services: Services, alice: Person, clock: StillClock
) -> None:
    clock.advance(3 * DAY_S)

    outcomes = race([lambda: codes_of(services, alice) for _ in range(8)])

    assert [len(codes) for codes in outcomes if isinstance(codes, list)] == [3] * 8
    assert len(stored()) == 3


def test_closed_codes_are_not_shown(services: Services, alice: Person, clock: StillClock) -> None:
    clock.advance(DAY_S)
    [code] = codes_of(services, alice)
    services.invites.disable([code["code"]])

    assert codes_of(services, alice) == []


def test_who_may_not_invite_earns_closed_codes(
    services: Services, alice: Person, clock: StillClock
) -> None:
    services.invites.set_earning(alice.did, allowed=False)
    clock.advance(2 * DAY_S)

    assert codes_of(services, alice) == []
    assert {disabled for (disabled,) in stored()} == {1}


def test_what_the_admin_gave_is_shown_and_does_not_count_as_earned(
    services: Services, alice: Person, clock: StillClock
) -> None:
    [(_, [given])] = services.invites.create(10, [alice.did])
    clock.advance(DAY_S)

    codes = codes_of(services, alice)
    assert [(code["createdBy"], code["available"]) for code in codes] == [
        ("admin", 10),
        (alice.did, 1),
    ]
    assert codes[0]["code"] == given


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"invite_interval": "1000"},  # a local server needs no codes
        {"invite_interval": "0", "invite_required": "true"},
    ],
)
def test_nobody_earns_codes_unless_they_are_needed_and_the_operator_says_how_often(
    tmp_path: Path, clock: StillClock, open_database: Path, settings: dict[str, str]
) -> None:
    del open_database
    services = build_services(make_config(tmp_path, **settings), clock)
    try:
        alice = make_account(services, "alice", invite_code=make_code(services))
        clock.advance(1_000_000)

        assert codes_of(services, alice) == []
    finally:
        services.close()


def test_account_that_is_gone_is_not_found(services: Services) -> None:
    params = {"includeUsed": True, "createAvailable": True}

    with pytest.raises(NotFoundError):
        ask(services, NSID, Caller("user", NOBODY), params=params)
    assert stored() == []


def test_only_the_owner_may() -> None:
    assert load_methods()[NSID].auth is Auths.FULL_USER_NOT_TAKEN_DOWN
