"""Sign-up closes by itself when robots flood the server; members do not notice.

Relays give a small server room for about a hundred accounts and throttle all of them beyond that.
So there are two caps, and 0 lifts either:

- in an hour: reaching past it closes sign-up until the operator has looked and opens it again;
- in all: past it nobody more comes in, until there are fewer or the cap is raised.

What is counted are accounts that people make for themselves or move in with; those the operator
makes are never refused, and count only in all. The state is one row of ``server_state``, so that it
survives restarts and another process (``pdsadmin``) can change it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from pds.atproto.syntax.datetime import format_datetime
from pds.config import Config
from pds.errors import SignUpClosedError
from pds.services.clock import Clock
from pds.services.mail_texts import SIGN_UP_CLOSED, SIGN_UP_FULL, Text
from pds.storage import accounts, server_state
from pds.storage.database import transaction

logger = logging.getLogger("pds.accounts")

Reason = Literal["flood", "full", "operator"]

HOUR_US = 3_600_000_000
_KEY = "sign_up"


class Alarm(Protocol):
    """The part of ``Mail`` that is needed here."""

    def alert_operator(self, text: Text, **facts: str) -> None: ...


@dataclass(slots=True)
class _State:
    """What is stored. closed: why, "" when it is not. since: ISO text.

    recent_us: when the accounts of the last hour were made. told_full: the operator knows.
    """

    closed: Literal["", "flood", "operator"] = ""
    since: str = ""
    recent_us: list[int] = field(default_factory=list)
    told_full: bool = False


@dataclass(frozen=True, slots=True)
class SignUpStatus:
    """Whether people can sign up now. A cap of 0 is none; ``since`` is ISO text."""

    is_open: bool
    reason: Reason | None
    since: str | None
    last_hour: int
    per_hour: int
    in_all: int
    max_in_all: int


class FloodBreaker:
    """Decides whether one more account may be made."""

    def __init__(self, config: Config, clock: Clock, alarm: Alarm) -> None:
        self._per_hour = config.sign_ups_per_hour
        self._max_in_all = config.max_accounts
        self._contact = config.contact_email_address
        self._clock = clock
        self._alarm = alarm

    # --- for the operator ------------------------------------------------------------------------

    def status(self) -> SignUpStatus:
        state = self._read()
        in_all = accounts.count()
        reason: Reason | None = state.closed or ("full" if self._is_full(in_all) else None)
        return SignUpStatus(
            is_open=reason is None,
            reason=reason,
            since=state.since or None,
            last_hour=len(state.recent_us),
            per_hour=self._per_hour,
            in_all=in_all,
            max_in_all=self._max_in_all,
        )

    def close(self) -> None:
        """Let nobody in until ``reopen``, except whom the operator makes an account for."""
        with transaction():
            state = self._read()
            if not state.closed:
                self._write(self._closed(state, "operator"))

    def reopen(self) -> None:
        """Let people in again; the hour begins anew."""
        with transaction():
            self._write(_State())

    # --- for sign-up -----------------------------------------------------------------------------

    def check(self) -> None:
        """Refuse at once what would be refused later. Changes nothing.

        Raises:
            SignUpClosedError
        """
        closed = self._read().closed
        if closed:
            raise self._refusal(closed)

    def admit(self) -> None:
        """Refuse a sign-up that is otherwise in order; the first one past a cap raises the alarm.

        Raises:
            SignUpClosedError
        """
        if self._why_not(self._read()) is None:
            return
        with transaction():
            state = self._read()
            reason = self._why_not(state)
            self._raise_alarm(state, reason)
        if reason is not None:
            raise self._refusal(reason)

    def count(self) -> None:
        """Count a sign-up, in the transaction that makes the account and before it does.

        Raises:
            SignUpClosedError: others came in since ``admit``.
        """
        state = self._read()
        reason = self._why_not(state)
        if reason is not None:
            raise self._refusal(reason)
        if self._per_hour:
            state.recent_us.append(self._clock())
        if self._per_hour or state.told_full:
            state.told_full = False
            self._write(state)

    def uncount(self) -> None:
        """Undo ``count`` for a sign-up that came to nothing. The caller holds the transaction.

        Or everybody's attempts while the directory is silent would look like a flood.
        """
        state = self._read()
        if state.recent_us:
            state.recent_us.pop()
            self._write(state)

    def _why_not(self, state: _State) -> Reason | None:
        if state.closed:
            return state.closed
        if self._per_hour and len(state.recent_us) >= self._per_hour:
            return "flood"
        return "full" if self._is_full(accounts.count()) else None

    def _is_full(self, in_all: int) -> bool:
        return bool(self._max_in_all) and in_all >= self._max_in_all

    def _raise_alarm(self, state: _State, reason: Reason | None) -> None:
        """Say once what has happened. The caller holds the transaction."""
        if reason == "flood" and not state.closed:
            self._write(self._closed(state, "flood"))
            logger.warning(
                "sign-up is closed: %d accounts were made within an hour; look at them with"
                ' "pdsadmin account list", then open it with "pdsadmin sign-up open"'
                " (PDS_SIGN_UPS_PER_HOUR)",
                len(state.recent_us),
            )
            self._alarm.alert_operator(SIGN_UP_CLOSED, count=str(len(state.recent_us)))
        elif reason == "full" and not state.told_full:
            state.told_full = True
            self._write(state)
            logger.warning(
                "no more sign-ups: there are %d accounts, as many as PDS_MAX_ACCOUNTS allows; raise"
                " it once your relays allow more, or make accounts with pdsadmin",
                self._max_in_all,
            )
            self._alarm.alert_operator(SIGN_UP_FULL, count=str(self._max_in_all))

    def _closed(self, state: _State, why: Literal["flood", "operator"]) -> _State:
        state.closed = why
        state.since = format_datetime(self._clock())
        return state

    def _refusal(self, reason: Reason) -> SignUpClosedError:
        what = "This server is full" if reason == "full" else "Sign-up on this server is closed"
        whom = f"its operator ({self._contact})" if self._contact else "its operator"
        return SignUpClosedError(f"{what}: ask {whom} for an account")

    def _read(self) -> _State:
        """The stored state, without what is older than an hour."""
        stored = server_state.find_value(_KEY)
        state = _State(**json.loads(stored)) if stored else _State()
        since_us = self._clock() - HOUR_US
        state.recent_us = [at_us for at_us in state.recent_us if at_us > since_us]
        return state

    def _write(self, state: _State) -> None:
        server_state.save_value(_KEY, json.dumps(asdict(state)))
