"""Whether the server can do its work: the database takes writes."""

from __future__ import annotations

from pds.errors import NotEnoughResourcesError
from pds.services.clock import Clock
from pds.storage import database, server_state

_KEY = "health_checked_at_us"
TRUST_US = 1_000_000


def last_checked_at_us() -> int | None:
    """When a server on this database was last asked and could write, in Unix microseconds.

    It says so at most once in ``TRUST_US``.
    """
    found = server_state.find_value(_KEY)
    return None if found is None else int(found)


class Health:
    """Answers the health check; writes at most once a second, however often it is asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._good_at_us = 0

    def check(self) -> None:
        """Return when a row can be written and committed.

        Raises:
            NotEnoughResourcesError: it cannot: full disk, lost file, wrong permissions.
        """
        now_us = self._clock()
        if 0 <= now_us - self._good_at_us < TRUST_US:
            return
        try:
            with database.transaction():
                server_state.save_value(_KEY, str(now_us))
        except (NotEnoughResourcesError, *database.DatabaseError) as error:
            message = "the database cannot be written"
            raise NotEnoughResourcesError(message) from error
        self._good_at_us = now_us
