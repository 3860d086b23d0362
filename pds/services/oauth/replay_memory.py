"""Which DPoP proofs were used already: in memory, for the few minutes in which that matters.

Only digests are kept, in sets by the minute in which they may be forgotten, so that forgetting
costs nothing. A full memory refuses what is new rather than forget what it has seen: forgetting
early is what somebody with a recorded proof would flood it for.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import Final

from pds.oauth_errors import TemporarilyUnavailableError

# About 15 MB. More than five hundred new proofs in every second of the three minutes that each is
# remembered: a server of this kind is busy with other things long before.
MAX_REMEMBERED: Final = 100_000
BUCKET_S: Final = 60
_DIGEST_BYTES: Final = 16


class ReplayMemory:
    """Remembers things until a time, each once. May be used by many threads at once."""

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max = max_remembered
        self._lock = threading.Lock()
        self._buckets: dict[int, set[bytes]] = {}
        # Digests are short; without the key nobody can look for two things that share one.
        self._key = secrets.token_bytes(32)

    def add(self, owner: str, name: str, *, until: int, now: float) -> bool:
        """Remember ``name`` of ``owner`` until then (Unix seconds); False if it is known already.

        Raises:
            TemporarilyUnavailableError: the memory is full; nothing was remembered.
        """
        digest = self._digest(owner, name)
        with self._lock:
            self._forget(now)
            if any(digest in bucket for bucket in self._buckets.values()):
                return False
            if len(self) >= self._max:
                message = "too many requests with DPoP proofs, try again in some minutes"
                raise TemporarilyUnavailableError(message)
            self._buckets.setdefault(until // BUCKET_S, set()).add(digest)
        return True

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values())

    def _forget(self, now: float) -> None:
        current = int(now // BUCKET_S)
        for past in [minute for minute in self._buckets if minute < current]:
            del self._buckets[past]

    def _digest(self, owner: str, name: str) -> bytes:
        # The owner's length first, so that no other pair reads the same.
        text = f"{len(owner)}:{owner}{name}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=_DIGEST_BYTES, key=self._key).digest()
