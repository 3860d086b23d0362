"""The e-mail address of an account: confirm it, change it.

An address counts as confirmed when ``emailConfirmedAt`` says when. Changing a confirmed one takes a
code that was sent there, so that a stolen session cannot take the account along; the old address is
told in any case.

Tricky bit: an address that is in use answers like one that is not supported, or anybody could find
out who has an account here.
"""

from __future__ import annotations

from typing import NamedTuple

from pds.atproto.syntax.datetime import format_datetime
from pds.errors import (
    AccountNotFoundError,
    InvalidEmailError,
    InvalidRequestError,
    InvalidTokenError,
    NotFoundError,
    TokenRequiredError,
)
from pds.services.clock import Clock
from pds.services.email_tokens import EmailTokens
from pds.services.mail import Mail
from pds.services.sign_up_checks import EmailTakenError, check_email
from pds.storage import accounts
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction


class ChangeRequested(NamedTuple):
    """``hint`` is what to tell the member; empty when no code is needed."""

    token_required: bool
    hint: str


class EmailAddresses:
    """Confirms and changes addresses."""

    def __init__(self, tokens: EmailTokens, mail: Mail, clock: Clock) -> None:
        self._tokens = tokens
        self._mail = mail
        self._clock = clock

    def request_confirmation(self, did: str) -> str:
        """Send a code to the account's address; return what the member should be told.

        Raises:
            AccountNotFoundError, RateLimitExceededError
            InvalidRequestError: the account has no address.
        """
        account = _get(did)
        if account.is_email_confirmed:
            return "The e-mail address is confirmed already."
        return self._tokens.request(account, "confirm_email")

    def confirm(self, did: str, email: str, token: str) -> None:
        """Take the code that was sent to ``email`` as proof that it is the account's.

        Raises:
            AccountNotFoundError, InvalidTokenError, ExpiredTokenError
            InvalidEmailError: the account has another address.
        """
        with transaction():
            account = _get(did)
            if email.strip().lower() != account.email:
                raise InvalidEmailError
            self._confirm(account, token)

    def confirm_by_link(self, token: str) -> None:
        """``confirm`` for who brings nothing but the code.

        Raises:
            InvalidTokenError, ExpiredTokenError, RateLimitExceededError
        """
        account_id = self._tokens.account_of("confirm_email", token)
        with transaction():
            account = accounts.find_by_id(account_id)
            if account is None:
                raise InvalidTokenError
            self._confirm(account, token)

    def confirm_by_operator(self, at_identifier: str) -> None:
        """Count the account's address as confirmed.

        Raises:
            NotFoundError; InvalidRequestError when it has no address.
        """
        with transaction():
            account = _find(at_identifier)
            if account.email is None:
                message = "account does not have an email address"
                raise InvalidRequestError(message)
            self._set_confirmed(account)

    def request_change(self, did: str) -> ChangeRequested:
        """Send a code to the present address, if it is confirmed; else none is needed.

        Raises:
            AccountNotFoundError, RateLimitExceededError
        """
        account = _get(did)
        if not account.is_email_confirmed:
            return ChangeRequested(token_required=False, hint="")
        return ChangeRequested(True, self._tokens.request(account, "update_email"))

    def change(self, did: str, email: str, token: str | None) -> None:
        """Give the account another address, not yet confirmed. The address it has is no change.

        Raises:
            AccountNotFoundError, TokenRequiredError, InvalidTokenError, ExpiredTokenError
            InvalidRequestError: the address is malformed, of a throw-away provider, or taken.
        """
        address = check_email(email)
        with transaction():
            account = _get(did)
            if address == account.email:
                return
            if account.is_email_confirmed:
                if not token:
                    raise TokenRequiredError
                self._tokens.redeem_in_transaction(account, "update_email", token)
            if accounts.is_taken("email", address):
                raise EmailTakenError
            self._set(account, address)

    def change_by_operator(self, at_identifier: str, email: str) -> None:
        """``change`` without a code.

        Raises:
            NotFoundError
            InvalidRequestError: the address is malformed, of a throw-away provider, or taken.
        """
        address = check_email(email)
        with transaction():
            account = _find(at_identifier)
            if address == account.email:
                return
            if accounts.is_taken("email", address):
                message = f"Another account has this e-mail address: {address}"
                raise InvalidRequestError(message)
            self._set(account, address)

    def _set(self, account: AccountRow, address: str) -> None:
        accounts.set_email(account.id, address)
        self._tokens.forget_all(account.id)
        self._mail.notify(account, "email_changed")

    def _confirm(self, account: AccountRow, token: str) -> None:
        self._tokens.redeem_in_transaction(account, "confirm_email", token)
        self._set_confirmed(account)

    def _set_confirmed(self, account: AccountRow) -> None:
        if not account.is_email_confirmed:
            accounts.set_email_confirmed(account.id, format_datetime(self._clock()))


def _get(did: str) -> AccountRow:
    account = accounts.find_by_did(did)
    if account is None:
        raise AccountNotFoundError
    return account


def _find(at_identifier: str) -> AccountRow:
    account = accounts.find_account(at_identifier)
    if account is None:
        message = f"There is no account {at_identifier} here"
        raise NotFoundError(message)
    return account
