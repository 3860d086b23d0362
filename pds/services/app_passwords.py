"""App passwords: for programs that should not know the account's password.

The server makes them, shows them once and keeps a hash. What they may do is the scope of their
sessions (``session_scopes``, and ``auth=`` of each method). Unlike in the reference, they may not
list, make or revoke app passwords.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from dataclasses import dataclass

from pds.atproto.syntax.datetime import format_datetime
from pds.errors import AccountNotFoundError, InvalidRequestError
from pds.services.clock import Clock
from pds.services.mail import Mail
from pds.services.passwords import app_password_salt, hash_password
from pds.storage import accounts, app_passwords
from pds.storage.accounts import AccountRow
from pds.storage.app_passwords import AppPasswordRow
from pds.storage.database import transaction

# The rows are handed out from here, so callers who may not know storage name them from here.
__all__ = ["AppPasswordRow", "AppPasswords", "NewAppPassword"]

MAX_NAME_LENGTH = 256
MAX_PER_ACCOUNT = 100
_RANDOM_BYTES = 10  # sixteen characters of base32
_GROUP = 4


@dataclass(frozen=True, slots=True)
class NewAppPassword:
    """``password`` is known only now: it cannot be shown again."""

    row: AppPasswordRow
    password: str


def new_app_password() -> str:
    """``xxxx-xxxx-xxxx-xxxx``, 80 random bits, in the reference's form."""
    text = base64.b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode("ascii").lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


class AppPasswords:
    """Makes, lists and revokes them."""

    def __init__(self, clock: Clock, mail: Mail) -> None:
        self._clock = clock
        self._mail = mail

    def create(self, did: str, name: str, *, privileged: bool) -> NewAppPassword:
        """Make an app password, and tell the owner by mail.

        ``privileged``: it may also read and write private messages.

        Raises:
            InvalidRequestError: the name is empty, too long or taken, or there are too many.
            AccountNotFoundError
        """
        _check_name(name)
        account = _get(did)
        _check_room(account, name)
        password = new_app_password()
        row = AppPasswordRow(
            account.id,
            name,
            hash_password(password, salt=app_password_salt(did)),
            privileged,
            format_datetime(self._clock()),
        )
        with transaction():
            current = _get(did)
            _check_room(current, name)
            app_passwords.insert(row)
            self._mail.notify(current, "app_password_created", name=name)
        return NewAppPassword(row, password)

    def list_all(self, did: str) -> list[AppPasswordRow]:
        """The newest first. AccountNotFoundError when the account is gone."""
        return app_passwords.list_for_account(_get(did).id)

    def revoke(self, did: str, name: str) -> None:
        """Remove an app password and end the sessions begun with it. One that is not there is fine.

        Raises:
            AccountNotFoundError
        """
        with transaction():
            app_passwords.delete(_get(did).id, name)


def _get(did: str) -> AccountRow:
    account = accounts.find_by_did(did)
    if account is None:
        raise AccountNotFoundError
    return account


def _check_name(name: str) -> None:
    message = ""
    if not name.strip():
        message = "The name of an app password must not be empty"
    elif len(name) > MAX_NAME_LENGTH:
        message = f"The name of an app password has at most {MAX_NAME_LENGTH} characters"
    elif any(unicodedata.category(char) == "Cc" for char in name):
        message = "The name of an app password must not hold control characters"
    if message:
        raise InvalidRequestError(message)


def _check_room(account: AccountRow, name: str) -> None:
    known = app_passwords.list_for_account(account.id)
    if any(password.name == name for password in known):
        message = f"There is already an app password with this name: {name}"
        raise InvalidRequestError(message)
    if len(known) >= MAX_PER_ACCOUNT:
        message = f"An account has at most {MAX_PER_ACCOUNT} app passwords: revoke one first"
        raise InvalidRequestError(message)
