"""Forget what has lapsed: requests nobody came back for, what was used once, grants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pds.services.clock import Clock
from pds.services.oauth.grants import Grants
from pds.services.oauth.lifetimes import SECOND_US
from pds.storage import oauth_requests, oauth_seen
from pds.storage.database import transaction

# Whoever comes a little late is told what happened, rather than that there was nothing.
KEPT_REQUEST_S: Final = 10 * 60


@dataclass(frozen=True, slots=True)
class Expired:
    """How many rows of each kind are gone; ``seen``: assertions and code challenges."""

    requests: int
    seen: int
    grants: int


class Expiry:
    """Forgets."""

    def __init__(self, grants: Grants, clock: Clock) -> None:
        self._grants = grants
        self._clock = clock

    def run(self) -> Expired:
        now_us = self._clock()
        with transaction():
            requests = oauth_requests.delete_expired(now_us - KEPT_REQUEST_S * SECOND_US)
        with transaction():
            seen = oauth_seen.delete_expired(now_us)
        return Expired(requests, seen, self._grants.expire())
