"""Who logs in: an identifier and a password, against account and app passwords.

An unknown user and a wrong password must look alike, so the work depends on what was typed alone:
one scrypt for the account's password, and one more when the input is formed like an app password.
The reference sleeps to 350 ms as well; here that would let a handful of guesses occupy every
request thread, so equal work is the whole defence, beside the lock-out (``lock_outs``).
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from pds.errors import AuthRequiredError
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.passwords import (
    MAX_LOGIN_PASSWORD_LENGTH,
    app_password_salt,
    check_password,
    hash_password,
    password_length,
)
from pds.storage import accounts, app_passwords
from pds.storage.accounts import AccountRow
from pds.storage.app_passwords import AppPasswordRow

_APP_PASSWORD_FORM = re.compile(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}")


@dataclass(frozen=True, slots=True)
class Proof:
    """Whose password it was, and where. ``app_password`` is None when it was the account's own."""

    account: AccountRow
    app_password: AppPasswordRow | None = None
    device: Device = UNKNOWN_DEVICE


def find_account(identifier: str) -> AccountRow | None:
    """The account that somebody names by handle, DID or e-mail address."""
    lowered = identifier.strip().lower()
    if "@" in lowered and not lowered.startswith("@"):
        return accounts.find_by_email(lowered)
    return accounts.find_account(lowered.removeprefix("@"))


def check_length(password: str) -> None:
    """Raises AuthRequiredError when no account can have this password, before any work."""
    if password_length(password) > MAX_LOGIN_PASSWORD_LENGTH:
        message = "Password too long. Consider resetting your password."
        raise AuthRequiredError(message)


def looks_like_app_password(password: str) -> bool:
    """Whether this has the form of the passwords that programs get: 80 random bits."""
    return _APP_PASSWORD_FORM.fullmatch(password) is not None


def check_passwords(account: AccountRow | None, password: str, device: Device) -> Proof:
    """Whose password it is, the account's own or an app's. Not inside a transaction: it hashes.

    account: as ``find_account`` found it; None costs the same. The app passwords of a taken-down
    account are not accepted.

    Raises:
        AuthRequiredError: no such account or a wrong password, without saying which.
    """
    is_own = check_password(password, account.password_scrypt if account else None)
    app_password = None
    if looks_like_app_password(password):
        app_password = _find_app_password(account, password)
    if account is None or not (is_own or app_password):
        raise wrong_password()
    if is_own:
        return Proof(account, device=device)
    if account.is_taken_down:
        raise wrong_password()
    return Proof(account, app_password, device)


def is_still_good(proof: Proof) -> bool:
    """Whether what was proven still holds. The caller holds the transaction."""
    account = accounts.find_by_id(proof.account.id)
    if account is None or account.takedown_ref != proof.account.takedown_ref:
        return False
    known = proof.app_password
    if known is None:
        return account.password_scrypt == proof.account.password_scrypt
    return app_passwords.find(account.id, known.name) == known


def wrong_password() -> AuthRequiredError:
    return AuthRequiredError("Invalid identifier or password")


def _find_app_password(account: AccountRow | None, password: str) -> AppPasswordRow | None:
    computed = hash_password(password, salt=app_password_salt(account.did if account else ""))
    if account is None:
        return None
    found = None
    for known in app_passwords.list_for_account(account.id):
        if hmac.compare_digest(known.password_scrypt.encode(), computed.encode()):
            found = known
    return found
