"""From where members have signed in with their own password: strangers' guesses do not count there.

What is stored (sessions, browsers) says most of it, and outlives a restart. Log-ins whose session
has ended are remembered beside it, in memory, and only so many.
"""

from __future__ import annotations

import threading

from pds.services.devices import Device, is_among
from pds.services.program_names import program_name
from pds.services.rate_limits import address_block
from pds.storage import places
from pds.storage.accounts import AccountRow

MAX_PLACES = 500  # of one account, that are looked at
MAX_REMEMBERED = 10_000
NOBODY = 0  # no account has this id


class KnownPlaces:
    """Answers "has this account been used from here?". Safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._remembered: dict[tuple[int, str], None] = {}

    def remember(self, account: AccountRow, device: Device) -> None:
        """The owner of the account has just signed in there."""
        if not device.ip:
            return
        place = (account.id, address_block(device.ip))
        with self._lock:
            self._remembered.pop(place, None)
            self._remembered[place] = None
            if len(self._remembered) > MAX_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]

    def knows(self, account: AccountRow | None, device: Device) -> bool:
        """Whether the account was used at this address. None costs the same as one that was not."""
        account_id = account.id if account else NOBODY
        used = places.list_for_account(account_id, MAX_PLACES)
        if not device.ip:
            return False
        if (account_id, address_block(device.ip)) in self._remembered:
            return True
        return is_among(device, (ip for _, ip in used))

    def is_new(self, account: AccountRow, device: Device) -> bool:
        """Whether no session and no browser that goes on is this program at this address."""
        program = program_name(device.user_agent)
        used = places.list_for_account(account.id, MAX_PLACES)
        return not is_among(
            device, (ip for user_agent, ip in used if program_name(user_agent) == program)
        )
