"""How often a method may be called: every budget there is, by name.

All of a method's limits are spent together, beside the global budget per address. The figures are
those of the reference server, so that clients tuned to it behave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pds.xrpc.method import Limit

if TYPE_CHECKING:
    from pds.xrpc.method import Call

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S

GLOBAL_PER_ADDRESS = Limit("global-ip", 3_000, 5 * MINUTE_S)

CREATE_ACCOUNT = (Limit("com.atproto.server.createAccount-0", 100, 5 * MINUTE_S),)
CREATE_SESSION = (
    Limit("com.atproto.server.createSession-0", 300, DAY_S, key="identifier"),
    Limit("com.atproto.server.createSession-1", 30, 5 * MINUTE_S, key="identifier"),
    # The two above start anew for every name: this one stops trying one password on many.
    Limit("com.atproto.server.createSession-2", 300, 5 * MINUTE_S),
)
UPDATE_HANDLE = (
    Limit("com.atproto.identity.updateHandle-0", 10, 5 * MINUTE_S, key="did"),
    Limit("com.atproto.identity.updateHandle-1", 50, DAY_S, key="did"),
)
UPLOAD_BLOB = (Limit("com.atproto.repo.uploadBlob-0", 1_000, DAY_S),)
GET_REPO = (Limit("com.atproto.sync.getRepo-0", 6_000, 5 * MINUTE_S),)

REPO_WRITES_HOUR_POINTS = 5_000
REPO_WRITES_DAY_POINTS = 35_000
CREATE_POINTS = 3
UPDATE_POINTS = 2
DELETE_POINTS = 1


def repo_write_limits(cost: Callable[[Call], int]) -> tuple[Limit, Limit]:
    """The budget that every method changing records shares, per account; ``cost`` is in points.

    A create is 3 points, an update 2, a delete 1.
    Spec: https://docs.bsky.app/docs/advanced-guides/rate-limits#content-write-operations-per-account
    """
    return (
        Limit("repo-write-hour", REPO_WRITES_HOUR_POINTS, HOUR_S, key="did", cost=cost),
        Limit("repo-write-day", REPO_WRITES_DAY_POINTS, DAY_S, key="did", cost=cost),
    )


def create_cost(call: Call) -> int:
    """The points of one created record."""
    del call
    return CREATE_POINTS


def update_cost(call: Call) -> int:
    """The points of one replaced record."""
    del call
    return UPDATE_POINTS


def delete_cost(call: Call) -> int:
    """The points of one deleted record."""
    del call
    return DELETE_POINTS
