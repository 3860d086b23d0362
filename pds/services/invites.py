"""Invite codes: make them, and say whether one still opens the door."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

from pds.atproto.syntax.datetime import format_datetime
from pds.errors import InvalidInviteCodeError, InvalidRequestError
from pds.services.clock import Clock
from pds.storage import invite_codes
from pds.storage.database import transaction
from pds.storage.invite_codes import InviteCodeRow

ADMIN = "admin"
MAX_CODES = 10_000


class Invites:
    """Codes look like ``pds-example-com-ab2cd-xy3zk``, so that people see what they are for."""

    def __init__(self, hostname: str, clock: Clock) -> None:
        self._prefix = hostname.replace(".", "-")
        self._clock = clock

    def create(
        self, use_count: int, for_accounts: Sequence[str] = (ADMIN,), *, code_count: int = 1
    ) -> list[tuple[str, list[str]]]:
        """Make ``code_count`` codes for each account, each good for ``use_count`` sign-ups.

        Returns (account, its codes) in the order given.

        Raises:
            InvalidRequestError: a count below one, or far more codes than anybody hands out.
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

    def _new_code(self) -> str:
        token = base64.b32encode(secrets.token_bytes(8)).decode("ascii").lower()
        return f"{self._prefix}-{token[:5]}-{token[5:10]}"
