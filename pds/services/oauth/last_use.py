"""When a grant was last used, for its member to see: noted now and then, at nobody's expense."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import Final

from pds.errors import NotEnoughResourcesError
from pds.storage import oauth_grants
from pds.storage.database import DatabaseError, transaction

logger = logging.getLogger("pds.oauth")

EVERY_US: Final = 5 * 60 * 1_000_000
REMEMBERED: Final = 4_096


class LastUse:
    """Writes the time of use, once in five minutes for each grant.

    Attempts are remembered, so that a full disk, or a program that holds the database, does not
    cost every request its time.
    """

    def __init__(self) -> None:
        self._tried: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, grant_id: str, written_us: int, now_us: int) -> None:
        """Note that a grant is used ``now_us``; ``written_us`` is what stands in its row.

        It never fails: a request does not depend on this.
        """
        if now_us - written_us < EVERY_US or not self._is_my_turn(grant_id, now_us):
            return
        try:
            with transaction():
                oauth_grants.set_used(grant_id, now_us)
        except (NotEnoughResourcesError, *DatabaseError) as error:
            logger.warning("when an app was last used could not be noted: %s", error)

    def _is_my_turn(self, grant_id: str, now_us: int) -> bool:
        with self._lock:
            if now_us - self._tried.get(grant_id, 0) < EVERY_US:
                return False
            self._tried[grant_id] = now_us
            self._tried.move_to_end(grant_id)
            if len(self._tried) > REMEMBERED:
                self._tried.popitem(last=False)
            return True
