"""One-time codes: proof that somebody reads an account's mail, or was believed by the operator.

A code is ten characters, ``XXXXX-XXXXX`` (50 bits), good once and for fifteen minutes. There is one
per account and purpose; asking again replaces it. On a server without mail the operator reads codes
out, so there they live for a day.

Tricky bits
- Redeeming is part of the transaction that does what the code allows, so that a crash cannot burn
  the code without its effect. A wrong guess makes that transaction fail, and must be counted all
  the same: ``after_rollback``.
- Who resets a password names no account, so there no code can be blamed for a wrong guess. Those
  guesses are counted together: far below what guessing needs, and far above what people mistype
  or one household's IPv6 addresses can send, because nobody can reset a password when it is spent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import threading
from dataclasses import dataclass

from pds.config import Config
from pds.errors import (
    AccountNotFoundError,
    ExpiredTokenError,
    InvalidRequestError,
    InvalidTokenError,
    RateLimitExceededError,
)
from pds.services.clock import Clock
from pds.services.mail import Code, Mail, shown_name
from pds.services.mail_texts import CODES, PURPOSES, Purpose
from pds.storage import accounts, email_tokens
from pds.storage.accounts import AccountRow
from pds.storage.database import after_rollback, transaction
from pds.storage.email_tokens import EmailTokenRow

__all__ = ["PURPOSES", "EmailTokens", "PendingCode", "Purpose"]

logger = logging.getLogger("pds.mail")

_SECOND_US = 1_000_000
LIFETIME_US = 15 * 60 * _SECOND_US
LIFETIME_WITHOUT_MAIL_US = 24 * 60 * 60 * _SECOND_US
MAX_WRONG_GUESSES = 10

ASKED_WINDOW_US = 60 * 60 * _SECOND_US
MAX_ASKED = 10

UNNAMED_WINDOW_US = 15 * 60 * _SECOND_US
MAX_UNNAMED_GUESSES = 100_000

PAGES = {
    "reset_password": "/account/reset-password",
    "confirm_email": "/account/confirm-email",
}


@dataclass(frozen=True, slots=True)
class PendingCode:
    """A code as the operator hands it to a member. ``link`` is a page that takes it, if any."""

    purpose: str
    did: str
    handle: str | None
    code: str
    minutes_left: int
    link: str | None


class EmailTokens:
    """Issues and redeems codes."""

    def __init__(self, config: Config, mail: Mail, clock: Clock) -> None:
        self._config = config
        self._mail = mail
        self._clock = clock
        self._guesses = _GuessLimit(clock)

    # --- asking ----------------------------------------------------------------------------------

    def request(self, account: AccountRow, purpose: Purpose) -> str:
        """Issue a code and queue the mail that brings it; return what the member should be told.

        Raises:
            InvalidRequestError: the account has no address although this server sends mail.
            AccountNotFoundError: it was deleted in the meantime.
            RateLimitExceededError: asked for too often; the last code stays good.
        """
        with transaction():
            return self.request_in_transaction(account, purpose)

    def request_in_transaction(self, account: AccountRow, purpose: Purpose) -> str:
        """``request`` as part of the caller's transaction."""
        without_mail = self._mail.mode == "none"
        if account.email is None and (purpose == "confirm_email" or not without_mail):
            message = "account does not have an email address"
            raise InvalidRequestError(message)
        if accounts.find_by_id(account.id) is None:
            raise AccountNotFoundError
        now_us = self._clock()
        asked, since_us = self._count_request(account.id, purpose, now_us)
        lifetime_us = LIFETIME_WITHOUT_MAIL_US if without_mail else LIFETIME_US
        token = _new_token()
        issued = EmailTokenRow(
            account.id,
            purpose,
            token,
            _digest(token),
            account.email,
            now_us,
            now_us + lifetime_us,
            tries=0,
            asked=asked,
            asked_since_us=since_us,
        )
        email_tokens.save_token(issued)
        link = self.link(purpose, token)
        self._mail.send_code(
            account, Code(purpose, token, issued.expires_at_us, "15 minutes", link)
        )
        if without_mail:
            logger.warning(
                "%s %s; read the code with: pdsadmin account codes",
                shown_name(account).removeprefix("@"),
                CODES[purpose].asks,
            )
        return self.hint()

    def pretend(self, purpose: Purpose) -> str:
        """Take as long as ``request``, without an account, for who must not learn there is none."""
        token = _new_token()
        link = self.link(purpose, token)
        with transaction():
            self._mail.pretend(Code(purpose, token, self._clock(), "15 minutes", link))
        return self.hint()

    def hint(self) -> str:
        """What to tell a member who has asked for a code."""
        if self._mail.mode != "none":
            return "A code is on its way to the e-mail address of the account."
        contact = self._config.contact_email_address
        whom = f" ({contact})" if contact else ""
        return (
            f"This server sends no mail. Ask its operator{whom} for your code; it is valid for"
            " one day."
        )

    def link(self, purpose: str, token: str) -> str | None:
        """The page of this server that takes a code, with it filled in; None for most purposes."""
        path = PAGES.get(purpose)
        return None if path is None else f"{self._config.public_url}{path}?code={token}"

    # --- redeeming -------------------------------------------------------------------------------

    def redeem(self, account: AccountRow, purpose: Purpose, token: str) -> None:
        """Use up a code in a transaction of its own; see ``redeem_in_transaction``."""
        with transaction():
            self.redeem_in_transaction(account, purpose, token)

    def redeem_in_transaction(self, account: AccountRow, purpose: Purpose, token: str) -> None:
        """Use up a code, as part of the transaction that does what it allows.

        ``account`` is as read in that transaction: a code that was sent to another address than it
        has now is not good. A wrong guess is counted also when the caller rolls back.

        Raises:
            InvalidTokenError: no such code, used, replaced, or burnt by wrong guesses.
            ExpiredTokenError
        """
        found = email_tokens.find_token(account.id, purpose)
        if found is None or not _is_same(found.token, token):
            _count_wrong_guess(account.id, purpose)
            raise _invalid()
        self._check_live(found)
        if found.address is not None and found.address != account.email:
            raise _invalid()
        email_tokens.delete_token(account.id, purpose)

    def account_of(self, purpose: Purpose, token: str) -> int:
        """The account that a code was issued for, without using it up.

        For callers who have work to do before their transaction, and for pages that take a code
        alone. ``redeem_in_transaction`` must follow.

        Raises:
            InvalidTokenError, ExpiredTokenError
            RateLimitExceededError: too many wrong ones lately, from whomever.
        """
        self._guesses.check()
        found = email_tokens.find_by_digest(purpose, _digest(token))
        if found is None or not _is_same(found.token, token):
            self._guesses.count()
            raise _invalid()
        self._check_live(found)
        return found.account_id

    def forget_all(self, account_id: int) -> None:
        """Void every code of an account. The caller holds the transaction."""
        email_tokens.delete_for_account(account_id)

    def forget(self, account_id: int, purpose: Purpose) -> None:
        """Void the code for one purpose, if any. The caller holds the transaction."""
        email_tokens.delete_token(account_id, purpose)

    # --- upkeep ----------------------------------------------------------------------------------

    def pending(self) -> list[PendingCode]:
        """The codes that can still be used, oldest first, for the operator of the server."""
        now_us = self._clock()
        return [
            PendingCode(
                waiting.purpose,
                waiting.did,
                waiting.handle,
                waiting.token,
                (waiting.expires_at_us - now_us) // (60 * _SECOND_US),
                self.link(waiting.purpose, waiting.token),
            )
            for waiting in email_tokens.list_waiting(now_us)
        ]

    def expire(self) -> int:
        """Delete codes that have lapsed; return how many."""
        with transaction():
            return email_tokens.delete_expired(self._clock())

    def _check_live(self, found: EmailTokenRow) -> None:
        if found.expires_at_us <= self._clock():
            message = "Token is expired"
            raise ExpiredTokenError(message)

    def _count_request(self, account_id: int, purpose: Purpose, now_us: int) -> tuple[int, int]:
        """How often this code was asked for, this time included, and since when."""
        before = email_tokens.find_token(account_id, purpose)
        if before is None or now_us - before.asked_since_us >= ASKED_WINDOW_US:
            return 1, now_us
        if before.asked >= MAX_ASKED:
            message = "Too many codes were asked for, use the last one or try again in an hour"
            raise RateLimitExceededError(message)
        return before.asked + 1, before.asked_since_us


class _GuessLimit:
    """Counts wrong guesses that name no account, in windows of fixed length."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since_us = 0
        self._count = 0

    def check(self) -> None:
        with self._lock:
            if self._clock() - self._since_us >= UNNAMED_WINDOW_US:
                self._since_us, self._count = self._clock(), 0
            if self._count >= MAX_UNNAMED_GUESSES:
                message = "Too many wrong codes were tried, try again in a quarter of an hour"
                raise RateLimitExceededError(message)

    def count(self) -> None:
        with self._lock:
            self._count += 1


def _count_wrong_guess(account_id: int, purpose: Purpose) -> None:
    def count() -> None:
        email_tokens.count_wrong_guess(account_id, purpose, MAX_WRONG_GUESSES)

    count()  # if the caller commits all the same
    after_rollback(count)


def _new_token() -> str:
    letters = base64.b32encode(secrets.token_bytes(10)).decode("ascii")
    return f"{letters[:5]}-{letters[5:10]}"


def _normal(token: str) -> str:
    """A code as it is stored, from how people write it down: any case, blanks, no hyphen."""
    letters = "".join(token.split()).replace("-", "").upper()
    return f"{letters[:5]}-{letters[5:]}"


def _digest(token: str) -> str:
    return hashlib.sha256(_normal(token).encode("utf-8", "surrogatepass")).hexdigest()


def _is_same(stored: str, given: str) -> bool:
    encoded = _normal(given).encode("utf-8", "surrogatepass")
    return hmac.compare_digest(stored.encode("ascii"), encoded)


def _invalid() -> InvalidTokenError:
    message = "Token is invalid"
    return InvalidTokenError(message)
