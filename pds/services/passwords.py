"""Hash and check passwords: scrypt, in the form the reference server stores.

Stored form: ``<salt>:<hash>``. Both are lower-case hex, and scrypt is salted with the *text* of the
salt, not with the bytes it spells; a data directory brought over from the reference therefore keeps
its passwords. App passwords are salted with their account's DID, which is safe because they are
random: nobody can prepare for all of them.

Tricky bits
- One check takes about 25 ms of processor time (it does release the GIL). Never inside a
  transaction.
- An unknown user costs the same as a wrong password: give ``check_password`` None.
- Whoever waits for a computation holds a request thread. Beyond ``MAX_AT_ONCE`` nobody is let to
  wait, or a flood of log-ins would take all of them and stop those who are signed in already.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

from pds.errors import NotEnoughResourcesError
from pds.services import processors

SCRYPT_COST = 16_384
"""scrypt's N. Not part of the stored form, so changing it voids every password."""

MAX_NEW_PASSWORD_LENGTH = 256
MAX_LOGIN_PASSWORD_LENGTH = 512
"""More than a new password may have: very old accounts were allowed this much."""

MAX_AT_ONCE = 8
"""Half of the request threads, by default."""

_SALT_BYTES = 16

# Each computation takes 16 MB and a processor: a flood of log-ins must not take them all. Two
# threads of their own, because the others share one processor (see ``processors``).
_hashers = ThreadPoolExecutor(2, thread_name_prefix="scrypt", initializer=processors.roam)
_turns = threading.BoundedSemaphore(MAX_AT_ONCE)
_NOBODY = "00000000000000000000000000000000:"


class PasswordsBusyError(NotEnoughResourcesError):
    """Nothing was looked at, so nothing is known about the password."""

    default_message = "Too many people are signing in at this moment, try again shortly"


def password_length(password: str) -> int:
    """Length in UTF-16 units, which is what clients and the limits above count."""
    return len(password.encode("utf-16-le", "surrogatepass")) // 2


def app_password_salt(did: str) -> str:
    """The salt of all app passwords of an account."""
    return hashlib.sha256(did.encode("utf-8")).hexdigest()[: 2 * _SALT_BYTES]


def hash_password(password: str, *, salt: str | None = None, cost: int | None = None) -> str:
    """The stored form of ``password``. ``salt`` is 32 hex digits, random by default.

    cost: scrypt's N; None is ``SCRYPT_COST`` at the time of the call.

    Raises:
        PasswordsBusyError: too many are hashing.
    """
    salt = salt if salt is not None else secrets.token_hex(_SALT_BYTES)
    if not _turns.acquire(blocking=False):
        raise PasswordsBusyError
    try:
        digest = _hashers.submit(
            hashlib.scrypt,
            password.encode("utf-8", "surrogatepass"),
            salt=salt.encode("ascii"),
            n=SCRYPT_COST if cost is None else cost,
            r=8,
            p=1,
            dklen=64,
        ).result()
    finally:
        _turns.release()
    return f"{salt}:{digest.hex()}"


def check_password(password: str, stored: str | None, *, cost: int | None = None) -> bool:
    """Whether ``password`` is the one that ``stored`` was made from.

    With ``stored`` None (no such account, or one without a password) the answer is False after
    exactly the same work, so that the time taken does not tell who exists.

    Raises:
        PasswordsBusyError: too many are hashing.
    """
    known = stored or _NOBODY
    salt = known.partition(":")[0]
    computed = hash_password(password, salt=salt, cost=cost)
    return hmac.compare_digest(computed.encode("ascii"), known.encode()) and stored is not None
