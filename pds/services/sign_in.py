"""Proving who one is: by password on pages and in ``createSession``, and what guards that.

A sign-in has up to three steps: ``begin`` looks at the password, ``finish`` at a second factor if
the account has one, and ``settle`` is part of the transaction that begins what the proof is for.
Pages and the XRPC method come here alike, so their wrong attempts are counted together
(``lock_outs``).

Tricky bits
- With a second factor the right password alone forgives nothing, or whoever has it could try codes
  for ever.
- What looks like an app password is not counted. It cannot be guessed; strangers must not keep
  programs out; and whoever has one must not win back guesses at the account's own password with it.
"""

from __future__ import annotations

import logging

from pds.errors import AccountTakedownError, AuthRequiredError
from pds.services.clock import Clock
from pds.services.devices import Device, describe
from pds.services.known_places import KnownPlaces
from pds.services.lock_outs import Attempt, LockedOutError, LockOuts, in_words
from pds.services.log_in_check import (
    Proof,
    check_length,
    check_passwords,
    find_account,
    is_still_good,
    looks_like_app_password,
    wrong_password,
)
from pds.services.mail import Mail, shown_name
from pds.services.rate_limits import RateLimits, address_block, login_name
from pds.services.second_factors import (
    SecondFactor,
    SecondFactorNeeded,
    SecondFactorRequiredError,
    Tickets,
)
from pds.storage.accounts import AccountRow

__all__ = ["LockedOutError", "Proof", "SecondFactorNeeded", "SignIn"]

logger = logging.getLogger("pds.accounts")


class AppPasswordOnPageError(AuthRequiredError):
    """The right app password of the account. Who has it may know that it is one."""

    default_message = (
        "This is an app password, for programs. Sign in here with the password of your account."
    )


class WrongPasswordError(AuthRequiredError):
    """The password is not the account's own."""

    default_message = "That is not your password. Try again."


class SignIn:
    """Decides who has proved to be whom."""

    def __init__(
        self,
        clock: Clock,
        mail: Mail,
        rate_limits: RateLimits,
        second_factor: SecondFactor | None = None,
    ) -> None:
        """Whom ``rate_limits`` does not concern, a lock-out does not either."""
        self._clock = clock
        self._mail = mail
        self._rate_limits = rate_limits
        self._second_factor = second_factor
        self._lock_outs = LockOuts(clock)
        self._places = KnownPlaces()
        self._tickets = Tickets(clock)

    # --- on pages --------------------------------------------------------------------------------

    def begin(
        self, identifier: str, password: str, device: Device, *, bypass_key: str | None = None
    ) -> Proof | SecondFactorNeeded:
        """Look at the password of somebody who signs in on a page, by handle, e-mail or DID.

        Deactivated accounts may. Not inside a transaction: it hashes. bypass_key: as
        ``RateLimits`` knows it.

        Raises:
            AuthRequiredError: no such account or a wrong password, without saying which.
            AppPasswordOnPageError: right, but only for programs.
            AccountTakedownError: right, but the account is not served.
            LockedOutError: too many were wrong; this one was not looked at.
            PasswordsBusyError
        """
        outcome = self.begin_anywhere(identifier, password, device, bypass_key=bypass_key)
        if isinstance(outcome, Proof) and outcome.app_password is not None:
            raise AppPasswordOnPageError
        return outcome

    def check(
        self, identifier: str, password: str, device: Device, *, bypass_key: str | None = None
    ) -> Proof:
        """``begin`` for callers who cannot go on to a second step.

        Raises:
            SecondFactorRequiredError: and what ``begin`` raises.
        """
        outcome = self.begin(identifier, password, device, bypass_key=bypass_key)
        if isinstance(outcome, SecondFactorNeeded):
            raise SecondFactorRequiredError(outcome)
        return outcome

    def confirm(
        self,
        account: AccountRow | None,
        did: str,
        password: str,
        device: Device,
        bypass_key: str | None = None,
    ) -> Proof:
        """Look at an account's own password before something grave, whatever its status.

        account: the one with this DID; None, where there is none, costs the same.

        Raises:
            WrongPasswordError: also for app passwords.
            AuthRequiredError: it is too long to be one.
            LockedOutError, PasswordsBusyError
        """
        check_length(password)
        try:
            proof, attempt = self._look(did, account, password, device, bypass_key)
        except AuthRequiredError as error:
            raise WrongPasswordError from error
        if proof.app_password is not None:
            self._take_back(attempt)
            raise WrongPasswordError
        self._succeed(attempt, proof)
        return proof

    # --- anywhere --------------------------------------------------------------------------------

    def begin_anywhere(
        self,
        identifier: str,
        password: str,
        device: Device,
        *,
        allow_takendown: bool = False,
        bypass_key: str | None = None,
    ) -> Proof | SecondFactorNeeded:
        """``begin`` for programs too, whose app passwords are accepted and need no second factor.

        allow_takendown: taken-down accounts may, which is for the caller to restrict.
        """
        account = find_account(identifier)
        proof, attempt = self._look(identifier, account, password, device, bypass_key)
        if proof.account.is_taken_down and not allow_takendown:
            self._take_back(attempt)
            raise AccountTakedownError
        return self._ask_more(proof, attempt) or proof

    def finish(
        self, ticket: str, answer: str, device: Device, *, bypass_key: str | None = None
    ) -> Proof:
        """Look at the answer to a second factor.

        Raises:
            AuthRequiredError: it is wrong, or the ticket has lapsed and one has to begin again.
            LockedOutError: too many were wrong; this one was not looked at.
        """
        half_way = self._tickets.find(ticket)
        if half_way is None or self._second_factor is None:
            message = "This took too long. Sign in again."
            raise AuthRequiredError(message)
        proof = half_way.proof
        # By the DID: who knows the password need not be kept from learning the other names.
        attempt = self._count(proof.account.did, proof.account, device, bypass_key)
        if not self._second_factor.is_answer(proof.account, answer):
            _log_wait(attempt, proof.account, device)
            message = "That code is wrong. Check it and try again."
            raise AuthRequiredError(message)
        if not self._tickets.use(ticket):
            raise wrong_password()
        self._succeed(attempt, proof)
        return proof

    def settle(self, proof: Proof, *, is_known: bool = False) -> bool:
        """Whether the proof is still good, as it has its effect; if so a new place is told of.

        False: the password was changed since, or the account has gone. The caller holds the
        transaction that begins a session or signs a browser in (``Browsers.sign_in(settle=…)``).
        is_known: the caller recognises the browser.
        """
        if not is_still_good(proof):
            return False
        # Programs with a password of their own run wherever they like: not told of.
        is_own = proof.app_password is None
        if is_own and not is_known and self._places.is_new(proof.account, proof.device):
            details = describe(proof.device, self._clock())
            self._mail.notify(proof.account, "new_sign_in", details=details)
        return True

    def _look(
        self,
        identifier: str,
        account: AccountRow | None,
        password: str,
        device: Device,
        bypass_key: str | None,
    ) -> tuple[Proof, Attempt | None]:
        """Whose password it is; the attempt is still counted as wrong."""
        check_length(password)
        attempt = None
        if not looks_like_app_password(password):
            attempt = self._count(identifier, account, device, bypass_key)
        try:
            return check_passwords(account, password, device), attempt
        except AuthRequiredError:
            _log_wait(attempt, account, device)
            raise
        except BaseException:
            self._take_back(attempt)  # too many are signing in: it was not looked at
            raise

    # --- counting --------------------------------------------------------------------------------

    def _count(
        self,
        identifier: str,
        account: AccountRow | None,
        device: Device,
        bypass_key: str | None,
    ) -> Attempt | None:
        is_known = self._places.knows(account, device)  # always looked up: the same work
        limits, address = self._rate_limits, device.ip or ""
        if not limits.enabled or limits.is_exempt(address, bypass_key):
            return None
        block = address_block(address)
        return self._lock_outs.begin(_target(identifier, account), block, is_known=is_known)

    def _ask_more(self, proof: Proof, attempt: Attempt | None) -> SecondFactorNeeded | None:
        challenge = None
        if proof.app_password is None and self._second_factor is not None:
            challenge = self._second_factor.challenge(proof.account)
        if challenge is None:
            self._succeed(attempt, proof)
            return None
        self._take_back(attempt)
        ticket = self._tickets.issue(proof)
        return SecondFactorNeeded(challenge.kind, challenge.hint, ticket)

    def _succeed(self, attempt: Attempt | None, proof: Proof) -> None:
        if attempt is not None:
            self._lock_outs.succeed(attempt)
        if proof.app_password is None:
            self._places.remember(proof.account, proof.device)

    def _take_back(self, attempt: Attempt | None) -> None:
        if attempt is not None:
            self._lock_outs.take_back(attempt)


def _log_wait(attempt: Attempt | None, account: AccountRow | None, device: Device) -> None:
    """One line for each wait that begins. What was typed is left out: it may be a password."""
    if attempt is None or attempt.next_wait_s == 0:
        return
    whom = shown_name(account) if account else "an account that does not exist"
    wait = in_words(attempt.next_wait_s)
    logger.warning("wrong passwords for %s from %s: the next has to wait %s", whom, device.ip, wait)


def _target(identifier: str, account: AccountRow | None) -> str:
    """What wrong attempts are counted for: a name as it was typed, and the password it stands for.

    As typed, so that nobody learns which handle and which e-mail address belong together. With the
    salt of the password, so that a new one starts anew, also when another process has set it.
    """
    salt = (account.password_scrypt or "").partition(":")[0] if account else ""
    return f"{login_name(identifier)} {salt}"
