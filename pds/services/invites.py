"""Invite codes: make them, say whether one still opens the door, list and close them."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from pds.atproto.syntax.datetime import format_datetime
from pds.errors import InvalidInviteCodeError, InvalidRequestError, NotFoundError
from pds.services.clock import Clock
from pds.services.invite_allowance import InviteRules, RoutineCode
from pds.storage import accounts, invite_codes, invite_listing
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction
from pds.storage.invite_codes import InviteCodeRow
from pds.storage.invite_listing import ListedCode, Sort

__all__ = ["ADMIN", "MAX_CODES", "Invites", "ListedCode"]

ADMIN = "admin"
MAX_CODES = 10_000
MAX_CURSOR = 250_000_000_000_000  # ms; the year 9892, and more uses than there are people

_CURSOR = re.compile(r"([0-9]{1,15})::(.{1,200})")


class Invites:
    """Codes look like ``pds-example-com-ab2cd-xy3zk``, so that people see what they are for."""

    def __init__(self, hostname: str, clock: Clock, rules: InviteRules | None = None) -> None:
        """rules: by which members earn codes; None: they do not."""
        self._prefix = hostname.replace(".", "-")
        self._clock = clock
        self._rules = rules or InviteRules()

    def create(
        self, use_count: int, for_accounts: Sequence[str] = (ADMIN,), *, code_count: int = 1
    ) -> list[tuple[str, list[str]]]:
        """Make ``code_count`` codes for each account, each good for ``use_count`` sign-ups.

        Returns (account, its codes) in the order given.

        Raises:
            InvalidRequestError: a count below one, or far more codes than anybody hands out.
            NotFoundError: one of the accounts.
        """
        if use_count < 1 or code_count < 1:
            message = "useCount and codeCount must be at least 1"
            raise InvalidRequestError(message)
        if code_count * len(for_accounts) > MAX_CODES:
            message = f"At most {MAX_CODES} codes can be made at once"
            raise InvalidRequestError(message)
        made = [(owner, [self._new_code() for _ in range(code_count)]) for owner in for_accounts]
        created_at = format_datetime(self._clock())
        rows = [
            InviteCodeRow(code, use_count, owner, ADMIN, created_at)
            for owner, codes in made
            for code in codes
        ]
        with transaction():
            for owner in for_accounts:
                if owner != ADMIN:
                    _find(owner)
            invite_codes.insert_codes(rows)
        return made

    def check(self, code: str) -> None:
        """Raises InvalidInviteCodeError when a sign-up with ``code`` would be refused now."""
        if not invite_codes.is_available(code):
            raise InvalidInviteCodeError

    def use(self, code: str, did: str) -> None:
        """Spend one use of ``code``. The caller holds the transaction.

        Raises:
            InvalidInviteCodeError: it is used up, also when that happened since ``check``.
        """
        self.check(code)
        invite_codes.record_use(code, did, format_datetime(self._clock()))

    def give_back(self, did: str) -> None:
        """Undo ``use`` for a sign-up that came to nothing. The caller holds the transaction."""
        invite_codes.forget_uses(did)

    # --- what members have -----------------------------------------------------------------------

    def codes_of(
        self, did: str, *, include_used: bool = True, create_earned: bool = False
    ) -> list[ListedCode]:
        """The codes of a member, without closed ones.

        create_earned: make those that have been earned since. The lexicon's DuplicateCreate cannot
        happen: what is due is counted in the transaction that makes it.

        Raises:
            NotFoundError
        """
        account = _find(did)
        if create_earned and self._earned(account):
            with transaction():
                self._create_earned(_find(did))
        return [
            code
            for code in invite_listing.codes_of(did)
            if not code.disabled and (include_used or not code.is_used_up)
        ]

    def _earned(self, account: AccountRow) -> int:
        routine = [
            RoutineCode(_to_ms(code.created_at), not code.disabled and not code.is_used_up)
            for code in invite_listing.codes_of(account.did)
            if code.created_by != ADMIN
        ]
        created_at_ms = _to_ms(account.created_at)
        return self._rules.to_create(routine, created_at_ms, self._clock() // 1_000)

    def _create_earned(self, account: AccountRow) -> None:
        did, now = account.did, format_datetime(self._clock())
        invite_codes.insert_codes(
            [
                InviteCodeRow(
                    self._new_code(), 1, did, did, now, disabled=bool(account.invites_disabled)
                )
                for _ in range(self._earned(account))
            ]
        )

    # --- what moderators do ----------------------------------------------------------------------

    def page(
        self, sort: Sort, cursor: str | None, limit: int
    ) -> tuple[list[ListedCode], str | None]:
        """All codes, the newest or the most used first; and where the next page begins, if any.

        Cursors are ``<milliseconds or uses>::<code>``, as the reference's.

        Raises:
            InvalidRequestError: that is no cursor.
        """
        before: tuple[str | int, str] = ("~", "") if sort == "recent" else (MAX_CURSOR, "")
        if cursor is not None:
            number, code = _read_cursor(cursor)
            before = (format_datetime(number * 1_000) if sort == "recent" else number, code)
        codes = invite_listing.page(sort, before, limit)
        if len(codes) < limit:
            return codes, None
        last = codes[-1]
        number = _to_ms(last.created_at) if sort == "recent" else len(last.uses)
        return codes, f"{number}::{last.code}"

    def disable(self, codes: Sequence[str] = (), owners: Sequence[str] = ()) -> None:
        """Close these codes and all codes of these accounts; unknown ones do not matter.

        Raises:
            InvalidRequestError: all codes of the admin.
        """
        if ADMIN in owners:
            message = "Cannot disable all codes of the admin: name the codes"
            raise InvalidRequestError(message)
        with transaction():
            invite_codes.disable(codes, owners)

    def set_earning(self, did: str, *, allowed: bool) -> None:
        """Whether a member's codes to come are open. Codes it has already stay as they are.

        Raises:
            NotFoundError
        """
        with transaction():
            accounts.set_invites_disabled(_find(did).id, disabled=not allowed)

    def _new_code(self) -> str:
        token = base64.b32encode(secrets.token_bytes(8)).decode("ascii").lower()
        return f"{self._prefix}-{token[:5]}-{token[5:10]}"


def _find(did: str) -> AccountRow:
    account = accounts.find_by_did(did)
    if account is None:
        message = f"Could not find account: {did}"
        raise NotFoundError(message)
    return account


def _to_ms(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1_000)


def _read_cursor(cursor: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None or int(match[1]) > MAX_CURSOR:
        message = "Malformed cursor"
        raise InvalidRequestError(message)
    return int(match[1]), match[2]
