"""What ``include:`` scopes stand for, as their authors have published it.

A set that was found once is kept in the database and looked at again after an hour. While its
author cannot be reached it serves on, for 90 days: an app must not lose what its members have
allowed because somebody's server is down. Only what was found is kept, so strangers, who can name
any set, fill nothing but what they have published; and of that the least needed makes room.

Spec: https://atproto.com/specs/permission#permission-sets
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable
from typing import Final

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import (
    InvalidPermissionSetError,
    PermissionSet,
    read_permission_set,
)
from pds.atproto.syntax.nsid import Nsid
from pds.errors import PdsError
from pds.oauth_errors import InvalidScopeError, TemporarilyUnavailableError
from pds.services.clock import Clock
from pds.services.look_ups import LookUps, LookUpsBusyError
from pds.services.oauth.fetched_cache import FetchedCache, Keeping, Loaded
from pds.services.oauth.lexicons import Lexicons, UnknownLexiconError
from pds.storage import permission_sets
from pds.storage.database import transaction

logger = logging.getLogger("pds.oauth")

_SECOND_US: Final = 1_000_000
_DAY_US: Final = 86_400 * _SECOND_US
REFRESH_US: Final = 3_600 * _SECOND_US
LOCAL_REFRESH_US: Final = 5 * _SECOND_US  # who writes a set wants to see what comes of it
MAX_AGE_US: Final = 90 * _DAY_US
FAILURE_US: Final = 60 * _SECOND_US
IN_USE_US: Final = 30 * _DAY_US  # so long after its last use, a set is still looked at every hour

MAX_KEPT: Final = 1_000
MAX_DOCUMENT_CHARS: Final = 131_072
MAX_IN_REQUEST: Final = 20
# For all sets of a request; the one that is being looked for at that time is still waited for.
REQUEST_S: Final = 10.0
JOB_S: Final = 60.0
JOB_SETS: Final = 100


class PermissionSets:
    """Finds sets by the scopes that include them."""

    def __init__(
        self, lexicons: Lexicons, look_ups: LookUps, clock: Clock, *, refresh_us: int = REFRESH_US
    ) -> None:
        self._lexicons = lexicons
        self._clock = clock
        self._refresh_us = refresh_us
        keeping = Keeping(refresh_us, FAILURE_US, max_memory_bytes=8_000_000, max_entries=100)
        self._found = FetchedCache(self._load, clock, look_ups, keeping)
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def of(self, scopes: ScopeSet) -> dict[str, PermissionSet]:
        """The sets that are included, by NSID; none is missing. May ask others: seconds.

        Not to be called in a transaction.

        Raises:
            InvalidScopeError: there is no such set, it cannot be had, or there are too many; the
                message names the set and says why.
            TemporarilyUnavailableError: too many are being looked for, or it takes too long.
        """
        nsids = _included(scopes)
        if len(nsids) > MAX_IN_REQUEST:
            message = f"more than {MAX_IN_REQUEST} permission sets are included"
            raise InvalidScopeError(message)
        until_s = time.monotonic() + REQUEST_S
        found: dict[str, PermissionSet] = {}
        for nsid in nsids:
            if time.monotonic() > until_s:
                message = "finding the permission sets takes too long, try again shortly"
                raise TemporarilyUnavailableError(message)
            found[nsid] = self._one(nsid)
        self._remember_use(found)
        return found

    def cached(self, scopes: ScopeSet) -> dict[str, PermissionSet]:
        """The same, but asks nobody: sets that are not known (any more) are missing."""
        found: dict[str, PermissionSet] = {}
        for nsid in _included(scopes):
            kept = self._kept(nsid)
            if kept is not None:
                found[nsid] = kept
        self._remember_use(found)
        return found

    def refresh_in_use(self) -> int:
        """Look again at the sets that are needed; return how many were looked at.

        Takes a minute at most, and goes on where it stopped the next time. Sets that are too old
        to be used are forgotten.
        """
        now_us = self._clock()
        with transaction():
            self._note_uses(now_us)
            permission_sets.remove_fetched_before(now_us - MAX_AGE_US)
        due = permission_sets.list_due(
            used_since_us=now_us - IN_USE_US,
            fetched_before_us=now_us - self._refresh_us // 2,
            limit=JOB_SETS,
        )
        until_s = time.monotonic() + JOB_S
        for number, nsid in enumerate(due):
            if time.monotonic() > until_s:
                return number
            try:
                self._found.get(nsid, max_age_us=self._refresh_us // 2)
            except PdsError as error:
                logger.info("could not look at the permission set %s again: %s", nsid, error)
        return len(due)

    def _one(self, nsid: Nsid) -> PermissionSet:
        kept = self._kept(nsid, self._refresh_us)
        if kept is not None:
            return kept
        try:
            return self._found.get(nsid)
        except PdsError as error:
            kept = self._kept(nsid)
            if kept is not None:
                return kept
            if isinstance(error, LookUpsBusyError):
                raise TemporarilyUnavailableError from error
            message = f"include:{nsid}: {error}"
            raise InvalidScopeError(message) from error

    def _kept(self, nsid: Nsid, max_age_us: int = MAX_AGE_US) -> PermissionSet | None:
        row = permission_sets.find(nsid)
        if row is None or self._clock() - row.fetched_at_us >= max_age_us:
            return None
        try:
            return read_permission_set(json.loads(row.document), nsid)
        except InvalidPermissionSetError:  # kept by a version that thought otherwise
            return None

    def _load(self, nsid: str) -> Loaded[PermissionSet]:
        document = self._lexicons.resolve(Nsid(nsid))
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        if len(text) > MAX_DOCUMENT_CHARS:
            message = "the document is too large"
            raise UnknownLexiconError(message)
        try:
            found = read_permission_set(document, Nsid(nsid))
        except InvalidPermissionSetError as error:
            raise UnknownLexiconError(str(error)) from error
        self._keep(nsid, text)
        return Loaded(found, len(text))

    def _keep(self, nsid: str, text: str) -> None:
        now_us = self._clock()
        with transaction():
            permission_sets.save(nsid, text, now_us)
            self._note_uses(now_us)  # first, as it decides on which are dropped
            permission_sets.remove_all_but_last_used(MAX_KEPT)

    def _remember_use(self, nsids: Iterable[str]) -> None:
        with self._lock:
            self._used.update(nsids)

    def _note_uses(self, now_us: int) -> None:
        """Uses are written down together: not every refresh of a token shall be a write more."""
        with self._lock:
            used, self._used = self._used, set()
        permission_sets.note_use(used, now_us)


def _included(scopes: ScopeSet) -> list[Nsid]:
    return list(dict.fromkeys(scope.nsid for scope in scopes.includes))
