"""The keys that accounts' repos are signed with: made, kept encrypted, and loaded fast.

Keys lie in the database encrypted under a key derived from the server's did:plc rotation key: a
copy of the database alone (a backup, say) does not let its holder sign for anybody.

Tricky bits
- Loading a K-256 key costs more than signing with it, so loaded keys are cached. The cache is
  looked up by the *public* key in the row just read: replacing an account's key needs no
  invalidation, and no thread can sign with a key that is no longer the account's.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import AccountNotFoundError
from pds.storage import accounts, reserved_keys, signing_keys
from pds.storage.reserved_keys import ReservedKeyRow
from pds.storage.signing_keys import SigningKeyRow

CACHED_KEYS = 2_048
_NONCE_BYTES = 12
_PURPOSE = b"hearth signing keys v1"


class SigningKeys:
    """Signing keys by account.

    rotation_key: the server's did:plc rotation key, from which the encryption key is derived.
    """

    def __init__(self, rotation_key: PrivateKey) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
        self._cipher = AESGCM(derived.derive(rotation_key.to_bytes()))
        self._cache: OrderedDict[str, PrivateKey] = OrderedDict()
        self._cache_lock = threading.Lock()

    def create(self) -> PrivateKey:
        """A new key, not stored yet. K-256, which every implementation reads."""
        return PrivateKey.generate("k256")

    def create_for(self, did: str) -> PrivateKey:
        """The key that was promised to a DID that moves in, or a new one."""
        promised = reserved_keys.find_reserved(did)
        return self.create() if promised is None else self._open(promised)

    def seal(self, key: PrivateKey) -> bytes:
        """The key encrypted, as it may be stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key.to_der(), key.did_key.encode())

    def store(self, account_id: int, key: PrivateKey) -> None:
        """Make ``key`` the account's from now on. The caller holds the transaction."""
        signing_keys.save_key(account_id, key.did_key, self.seal(key))

    def get(self, account_id: int) -> PrivateKey:
        """The key of an account that exists.

        Raises:
            AccountNotFoundError: it was deleted in the meantime.
            RuntimeError: there is no key, or it was stored under another rotation key. Both mean a
                damaged installation, which no caller can mend.
        """
        stored = signing_keys.find_key(account_id)
        if stored is None:
            if accounts.find_by_id(account_id) is None:
                raise AccountNotFoundError
            message = f"account {account_id} has no signing key"
            raise RuntimeError(message)
        with self._cache_lock:
            cached = self._cache.get(stored.did_key)
            if cached is not None:
                self._cache.move_to_end(stored.did_key)
                return cached
        key = self._open(stored)
        with self._cache_lock:
            self._cache[stored.did_key] = key
            if len(self._cache) > CACHED_KEYS:
                self._cache.popitem(last=False)
        return key

    def _open(self, stored: SigningKeyRow | ReservedKeyRow) -> PrivateKey:
        nonce, sealed = stored.encrypted[:_NONCE_BYTES], stored.encrypted[_NONCE_BYTES:]
        try:
            der = self._cipher.decrypt(nonce, sealed, stored.did_key.encode())
        except InvalidTag as error:
            message = (
                "cannot decrypt a signing key: PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX is not"
                " the one this data directory was made with"
            )
            raise RuntimeError(message) from error
        return PrivateKey.from_der(der)
