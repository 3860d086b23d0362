"""A new password: by a code that was mailed, by the member, or by the operator.

Whoever is signed in anywhere is signed out (``endings``), apps included, unless the member changes
it herself and says that they may stay.

Tricky bit: asking for a code answers alike, and takes alike long, whether or not there is such an
account.
"""

from __future__ import annotations

from dataclasses import dataclass

from pds.errors import (
    AccountNotFoundError,
    InvalidTokenError,
    NotFoundError,
    RateLimitExceededError,
)
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.email_tokens import EmailTokens
from pds.services.endings import Endings
from pds.services.log_in_check import is_still_good
from pds.services.mail import Mail
from pds.services.passwords import hash_password
from pds.services.sign_in import SignIn, WrongPasswordError
from pds.services.sign_up_checks import check_chosen_password, check_new_password
from pds.storage import accounts
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction

OTHERS_ARE_OUT = "All devices and apps must sign in anew."
OTHERS_STAY = "Devices and apps that were signed in stay so."


@dataclass(frozen=True, slots=True)
class Parts:
    """The services it takes."""

    tokens: EmailTokens
    mail: Mail
    sign_in: SignIn
    endings: Endings


class PasswordChanges:
    """Sets passwords."""

    def __init__(self, parts: Parts) -> None:
        self._tokens = parts.tokens
        self._mail = parts.mail
        self._sign_in = parts.sign_in
        self._endings = parts.endings

    # --- by mail ---------------------------------------------------------------------------------

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
        """Set the password of the account that the code was issued for; everything else ends.

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

    # --- by the member ---------------------------------------------------------------------------

    def change(
        self,
        account_id: int,
        old: str,
        new: str,
        keep_browser_id: str | None = None,
        *,
        keep_others: bool = False,
        device: Device = UNKNOWN_DEVICE,
    ) -> None:
        """Set another password for a member who is signed in and knows the one she has.

        keep_browser_id: the browser she is using. keep_others: nobody is signed out.

        Raises:
            InvalidPasswordError: the new one is too short or too long.
            WrongPasswordError: the old one is not her password, or has changed meanwhile.
            LockedOutError: too many were wrong, also where people sign in.
        """
        check_chosen_password(new)
        known = accounts.find_by_id(account_id)
        proof = self._sign_in.confirm(known, known.did if known else "", old, device)
        password_scrypt = hash_password(new)
        with transaction():
            account = accounts.find_by_id(account_id)
            if account is None or not is_still_good(proof):
                raise WrongPasswordError
            self._tokens.forget(account_id, "reset_password")
            self._set(
                account,
                password_scrypt,
                keep_browser_id=keep_browser_id,
                keep_others=keep_others,
            )

    # --- by the operator -------------------------------------------------------------------------

    def change_by_operator(self, at_identifier: str, password: str) -> None:
        """Set a password without asking for a code; everything else ends.

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

    def _set(
        self,
        account: AccountRow,
        password_scrypt: str,
        *,
        keep_browser_id: str | None = None,
        keep_others: bool = False,
    ) -> None:
        accounts.set_password(account.id, password_scrypt)
        if not keep_others:
            self._endings.end_everything(account.id, keep_browser_id)
        self._mail.notify(
            account, "password_changed", others=OTHERS_STAY if keep_others else OTHERS_ARE_OUT
        )
