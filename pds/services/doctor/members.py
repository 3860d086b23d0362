"""Which accounts are asked about, where others have to be asked and there are many."""

from __future__ import annotations

import secrets
from typing import Final

from pds.services.account_listing import each_account
from pds.storage.accounts import AccountRow

_CHANCE: Final = secrets.SystemRandom()


def active_members(most: int) -> tuple[list[AccountRow], int]:
    """At most ``most`` of the active accounts, newest first, and how many there are.

    Half are the newest, which relays leave out first; the others are picked anew each time.
    """
    everybody = [account for account in each_account() if account.is_active]
    total = len(everybody)
    newest = everybody[-(most // 2) :]
    older = everybody[: total - len(newest)]
    picked = _CHANCE.sample(older, min(len(older), most - len(newest)))
    return [*reversed(newest), *picked], total


def out_of(count: int, total: int) -> str:
    """How many were looked at, in words."""
    return str(count) if count == total else f"{count} of {total}"
