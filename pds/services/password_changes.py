"""A new password: by a code that was mailed, or by the operator. Either way every session ends.

Tricky bit: asking for a code answers alike, and takes alike long, whether or not there is such an
account.
"""

from __future__ import annotations

from pds.errors import (
    AccountNotFoundError,
    InvalidTokenError,
    NotFoundError,
    RateLimitExceededError,
)
from pds.services.email_tokens import EmailTokens
from pds.services.mail import Mail
from pds.services.passwords import hash_password
from pds.services.sessions import Sessions
from pds.services.sign_up_checks import check_new_password
from pds.storage import accounts
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction


class PasswordChanges:
    """Sets passwords."""

    def __init__(self, tokens: EmailTokens, mail: Mail, sessions: Sessions) -> None:
        self._tokens = tokens
        self._mail = mail
        self._sessions = sessions

    def request_reset(self, email: str) -> str:
        """Send a code to this address if an account has it; what to tell whoever asked.

        Accounts in any status are served: the owner may want to move away.
        """
        account = accounts.find_by_email(email.strip())
        if account is None:
            return self._tokens.pretend("reset_password")
        try:
            return self._tokens.request(account, "reset_password")
        except (RateLimitExceededError, AccountNotFoundError):
            # The last code stays good; or the account was deleted just now.
            return self._tokens.pretend("reset_password")

    def reset(self, token: str, password: str) -> None:
        """Set the password of the account that the code was issued for.

        Raises:
            InvalidPasswordError: it is empty or too long.
            InvalidTokenError, ExpiredTokenError, RateLimitExceededError
        """
        check_new_password(password)
        account_id = self._tokens.account_of("reset_password", token)  # before the costly hashing
        password_scrypt = hash_password(password)
        with transaction():
            account = accounts.find_by_id(account_id)
            if account is None:
                raise InvalidTokenError
            self._tokens.redeem_in_transaction(account, "reset_password", token)
            self._set(account, password_scrypt)

    def change_by_operator(self, at_identifier: str, password: str) -> None:
        """Set a password without asking for a code.

        Raises:
            NotFoundError; InvalidPasswordError when it is empty or too long.
        """
        check_new_password(password)
        password_scrypt = hash_password(password)
        with transaction():
            account = accounts.find_account(at_identifier)
            if account is None:
                message = f"There is no account {at_identifier} here"
                raise NotFoundError(message)
            self._tokens.forget(account.id, "reset_password")
            self._set(account, password_scrypt)

    def _set(self, account: AccountRow, password_scrypt: str) -> None:
        accounts.set_password(account.id, password_scrypt)
        self._sessions.revoke_all(account.id)
        self._mail.notify(account, "password_changed")
