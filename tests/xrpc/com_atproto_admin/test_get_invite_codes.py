"""admin.getInviteCodes: page through all codes, the newest or the most used first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import InvalidRequestError
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import ADMIN, StillClock, ask, make_account, make_code

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.getInviteCodes"


def ask_page(services: Services, **params: Any) -> dict[str, Any]:
    given = {"sort": "recent", "limit": 100, **params}
    reply: dict[str, Any] = ask(services, NSID, ADMIN, params=given)
    return reply


def all_pages(services: Services, sort: str, limit: int) -> list[str]:
    codes: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        reply = ask_page(services, sort=sort, limit=limit, **cursor)
        codes += [code["code"] for code in reply["codes"]]
        if "cursor" not in reply:
            return codes
        cursor = {"cursor": reply["cursor"]}


def test_a_code_is_shown_with_its_uses(services: Services) -> None:
    code = make_code(services, uses=3)
    alice = make_account(services, "alice", invite_code=code)

    [shown] = ask_page(services)["codes"]

    assert shown == {
        "code": code,
        "available": 3,
        "disabled": False,
        "forAccount": "admin",
        "createdBy": "admin",
        "createdAt": alice.row.created_at,  # the clock stands still
        "uses": [{"usedBy": alice.did, "usedAt": alice.row.created_at}],
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_newest_come_first_on_every_page(services: Services, clock: StillClock, limit: int) -> None:
    made = []
    for _ in range(2):
        made += sorted(services.invites.create(1, code_count=2)[0][1])
        clock.advance(60)
    made.append(make_code(services))

    assert all_pages(services, "recent", limit) == made[::-1]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_most_used_come_first_on_every_page(services: Services, limit: int) -> None:
    codes = sorted(services.invites.create(5, code_count=3)[0][1])
    for name, code in [("ann", 0), ("ben", 1), ("cleo", 1)]:
        make_account(services, name, invite_code=codes[code])

    assert all_pages(services, "usage", limit) == [codes[1], codes[0], codes[2]]


def test_closed_codes_are_shown_too(services: Services) -> None:
    services.invites.disable([make_code(services)])

    assert [code["disabled"] for code in ask_page(services)["codes"]] == [True]


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "alphabet"},
        {"cursor": "nonsense"},
        {"cursor": "::code"},
        {"cursor": "12::"},
        {"cursor": "-1::code"},
        {"cursor": "999999999999999::code"},
    ],
)
def test_nonsense_is_refused(services: Services, params: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError):
        ask_page(services, **params)


def test_only_moderators_may() -> None:
    assert load_methods()[NSID].auth is Auths.MODERATOR
