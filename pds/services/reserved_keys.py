"""Signing keys promised to a DID before its account is here.

Whoever moves in with a did:web, or wants to publish the new DID document before the move, needs to
know the key that the account will sign with. The key is the DID's alone: ``AccountCreation`` uses
it when that DID moves in.

Tricky bits
- A promise needs proof of the DID (or the admin), there is one for each DID, it lapses, and there
  is an end to their number: anybody can make DIDs without end.
"""

from __future__ import annotations

from pds.errors import AlreadyExistsError, NotEnoughResourcesError
from pds.services.clock import Clock
from pds.services.keys import SigningKeys
from pds.storage import accounts, reserved_keys
from pds.storage.database import transaction
from pds.storage.reserved_keys import ReservedKeyRow

MAX_RESERVED = 1_000
LIFETIME_US = 7 * 24 * 60 * 60 * 1_000_000


class ReservedKeys:
    """Promises keys, and forgets promises that nobody came for."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def reserve(self, did: str) -> str:
        """The did:key that the account of ``did`` will have here; the same one when asked again.

        Raises:
            AlreadyExistsError: the account is here already and has its key.
            NotEnoughResourcesError: too many are promised.
        """
        key = self._keys.create()
        encrypted = self._keys.seal(key)
        with transaction():
            known = reserved_keys.find_reserved(did)
            if known is not None:
                return known.did_key
            if accounts.is_taken("did", did):
                message = "Repo already exists"
                raise AlreadyExistsError(message)
            if reserved_keys.count_reserved() >= MAX_RESERVED:
                message = "Too many keys are reserved on this server, try again in a few days"
                raise NotEnoughResourcesError(message)
            reserved_keys.add_reserved(ReservedKeyRow(did, key.did_key, encrypted, self._clock()))
        return key.did_key

    def expire(self) -> int:
        """Forget the keys that nobody came for within a week; return how many."""
        with transaction():
            return reserved_keys.remove_reserved_before(self._clock() - LIFETIME_US)
