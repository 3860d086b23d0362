"""The place for a second proof beside the password: a code, a passkey, a recovery code.

None is offered yet. Whoever adds one writes a class with the two methods of ``SecondFactor`` and
hands it to ``SignIn``; pages and ``createSession`` then ask for it, and wrong answers count as
wrong passwords do. App passwords need none: they are for programs.

Between the two steps the server remembers who has given the right password, under a ticket that the
page carries along. Tickets are in memory, lapse soon, and only a right password makes one.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import Protocol

from pds.errors import AuthFactorTokenRequiredError
from pds.services.clock import Clock
from pds.services.log_in_check import Proof
from pds.storage.accounts import AccountRow

TICKET_LIFETIME_US = 10 * 60 * 1_000_000
MAX_TICKETS = 1_000


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is asked for. kind: which form a page shows; hint: where the answer is found."""

    kind: str
    hint: str


class SecondFactor(Protocol):
    """Something an account may have set up."""

    def challenge(self, account: AccountRow) -> Challenge | None:
        """What to ask of this account now; None when its password is enough."""

    def is_answer(self, account: AccountRow, answer: str) -> bool:
        """Whether this answers the challenge; an answer that is good once is used up."""


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """The password was right, and is not enough. ticket: for ``SignIn.finish``."""

    kind: str
    hint: str
    ticket: str


class SecondFactorRequiredError(AuthFactorTokenRequiredError):
    """The same for callers who ask in one step."""

    def __init__(self, needed: SecondFactorNeeded) -> None:
        super().__init__(needed.hint)
        self.needed = needed


@dataclass(frozen=True, slots=True)
class HalfWay:
    """Somebody between the steps."""

    proof: Proof
    expires_us: int


class Tickets:
    """Who is between the steps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, HalfWay] = {}

    def issue(self, proof: Proof) -> str:
        ticket = secrets.token_urlsafe(32)
        until_us = self._clock() + TICKET_LIFETIME_US
        with self._lock:
            self._waiting[ticket] = HalfWay(proof, until_us)
            if len(self._waiting) > MAX_TICKETS:
                del self._waiting[next(iter(self._waiting))]
        return ticket

    def find(self, ticket: str) -> HalfWay | None:
        """Who holds the ticket, if it has not lapsed."""
        found = self._waiting.get(ticket)
        return None if found is None or found.expires_us <= self._clock() else found

    def use(self, ticket: str) -> bool:
        """Void a ticket; whether it was still there."""
        with self._lock:
            return self._waiting.pop(ticket, None) is not None
