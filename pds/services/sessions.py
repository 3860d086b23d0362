"""Password sessions: log in, refresh, log out; and who a token speaks for.

Terms
- rotation: using a refresh token names its successor and leaves the used one alive for a short
  grace, in which it gives the *same* successor again. A client whose network dropped the reply, or
  that refreshed from two tabs at once, is not logged out.

Tricky bits
- An unknown user and a wrong password must look alike. Both cost exactly one scrypt. The reference
  sleeps to 350 ms as well; here that would let a handful of guesses occupy every request thread,
  so equal work is the whole defence, beside the rate limit.
"""

from __future__ import annotations

import base64
import hmac
import logging
import secrets
from dataclasses import dataclass
from typing import Protocol

from pds.atproto import service_auth
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.service_auth import ServiceAuthError, ServiceClaims
from pds.atproto.syntax.did import is_did
from pds.config import Config
from pds.errors import (
    AccountDeactivatedError,
    AccountNotFoundError,
    AccountTakedownError,
    AuthRequiredError,
    ExpiredTokenError,
    InvalidRequestError,
    ServiceTokenError,
)
from pds.services.clock import Clock
from pds.services.passwords import MAX_LOGIN_PASSWORD_LENGTH, check_password, password_length
from pds.services.session_scopes import Scope
from pds.services.session_tokens import REFRESH_LIFETIME_S, Claims, SessionTokens, Tokens
from pds.storage import accounts, refresh_tokens
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction
from pds.storage.refresh_tokens import RefreshTokenRow

logger = logging.getLogger("pds.sessions")

GRACE_S = 2 * 60 * 60
ADMIN_USER = "admin"
_SECOND_US = 1_000_000


class SigningKeyLookup(Protocol):
    """The part of ``Identity`` that checking a service token needs."""

    def signing_key_of(self, did: str, *, force: bool = False) -> str | None:
        """The did:key that signs for ``did``. Raises UnresolvableDidError."""


@dataclass(frozen=True, slots=True)
class Session:
    """An account that has just proved who it is, and its new tokens."""

    account: AccountRow
    tokens: Tokens


def new_token_id() -> str:
    """An id nobody can guess, in the reference's form: base64 without padding, 43 characters."""
    return base64.b64encode(secrets.token_bytes(32)).decode("ascii").rstrip("=")


class Sessions:
    """Issues, renews, revokes and checks what callers show to be let in."""

    def __init__(self, config: Config, clock: Clock, identity: SigningKeyLookup) -> None:
        self._tokens = SessionTokens(config.jwt_secret, config.service_did, clock)
        self._audiences = (config.service_did, f"{config.service_did}#atproto_pds")
        self._admin_password = config.admin_password.encode("utf-8")
        self._clock = clock
        self._identity = identity

    # --- password sessions -----------------------------------------------------------------------

    def login(self, identifier: str, password: str, *, allow_takendown: bool = False) -> Session:
        """Log in by handle, DID or e-mail address. Inactive accounts may, to move away.

        A taken-down account gets in only when the client asks for that; its session can do little
        and cannot be refreshed.

        Raises:
            AuthRequiredError: no such account or a wrong password, without saying which.
            AccountTakedownError: the password is right, but ``allow_takendown`` is not set.
        """
        if password_length(password) > MAX_LOGIN_PASSWORD_LENGTH:
            message = "Password too long. Consider resetting your password."
            raise AuthRequiredError(message)
        account = _find_by_login(identifier)
        matches = check_password(password, account.password_scrypt if account else None)
        if account is None or not matches:
            message = "Invalid identifier or password"
            raise AuthRequiredError(message)
        if not account.is_taken_down:
            return Session(account, self.issue(account))
        if not allow_takendown:
            raise AccountTakedownError
        return Session(account, self._issue_takendown(account))

    def issue(self, account: AccountRow) -> Tokens:
        """Start a session with every right of the account."""
        with transaction():
            return self.issue_in_transaction(account.id, account.did)

    def issue_in_transaction(self, account_id: int, did: str) -> Tokens:
        """``issue`` as part of the caller's transaction."""
        token_id = new_token_id()
        expires_at_us = self._clock() + REFRESH_LIFETIME_S * _SECOND_US
        refresh_tokens.insert_token(
            RefreshTokenRow(token_id, account_id, expires_at_us, None, None)
        )
        return self._sign(did, Scope.ACCESS, token_id)

    def refresh(self, did: str, token_id: str) -> Session:
        """Trade a refresh token, already checked by ``verify_refresh``, for new tokens.

        However often and however concurrently it is used within the grace, the successor is one.

        Raises:
            ExpiredTokenError: revoked, or used before and the grace is over.
            AccountTakedownError; InvalidRequestError when the account is gone.
        """
        account = accounts.find_by_did(did)
        if account is None:
            raise _no_such_user(did)
        if account.is_taken_down:
            raise AccountTakedownError
        with transaction():
            successor = self._rotate(account.id, token_id)
        scope = Scope.ACCESS if successor.app_password_name is None else Scope.APP_PASS
        return Session(account, self._sign(account.did, scope, successor.id))

    def revoke(self, token_id: str) -> None:
        """End the session of a refresh token. Ending it twice is fine."""
        with transaction():
            refresh_tokens.delete_token(token_id)

    def revoke_all(self, account_id: int) -> None:
        """End every session of an account, as part of the caller's transaction."""
        refresh_tokens.delete_for_account(account_id)

    def expire(self) -> int:
        """Forget sessions that have lapsed; return how many."""
        with transaction():
            return refresh_tokens.delete_expired(self._clock())

    def get_session_account(self, did: str) -> AccountRow:
        """The account a session belongs to.

        Raises:
            InvalidRequestError: it is gone, or taken down.
        """
        account = accounts.find_by_did(did)
        if account is None or account.is_taken_down:
            raise _no_such_user(did)
        return account

    def _rotate(self, account_id: int, token_id: str) -> RefreshTokenRow:
        """The successor of a refresh token, made when this is its first use.

        The caller holds the transaction.
        """
        now_us = self._clock()
        used = refresh_tokens.find_token(token_id)
        if used is None or used.account_id != account_id or used.expires_at_us <= now_us:
            raise _revoked()
        successor = RefreshTokenRow(
            used.next_id or new_token_id(),
            account_id,
            now_us + REFRESH_LIFETIME_S * _SECOND_US,
            None,
            used.app_password_name,
        )
        if refresh_tokens.mark_used(token_id, successor.id, now_us + GRACE_S * _SECOND_US):
            refresh_tokens.insert_token(successor)
            return successor
        # Used before. A successor that is gone was logged out; the older token must not revive it.
        known = refresh_tokens.find_token(successor.id)
        if known is None:
            raise _revoked()
        return known

    def _sign(self, did: str, scope: Scope, token_id: str) -> Tokens:
        return Tokens(
            self._tokens.access_token(did, scope), self._tokens.refresh_token(did, token_id)
        )

    def _issue_takendown(self, account: AccountRow) -> Tokens:
        """Tokens whose refresh half has no row, and so is refused when it is used."""
        return self._sign(account.did, Scope.TAKENDOWN, new_token_id())

    # --- who is calling --------------------------------------------------------------------------

    def verify_access(self, token: str) -> Claims:
        """Raises ExpiredTokenError or InvalidTokenError."""
        return self._tokens.read_access(token)

    def verify_refresh(self, token: str, *, allow_expired: bool = False) -> Claims:
        """Raises ExpiredTokenError, InvalidTokenError or MissingTokenIdError."""
        return self._tokens.read_refresh(token, allow_expired=allow_expired)

    def check_account(self, did: str, *, check_takedown: bool, check_deactivated: bool) -> None:
        """Refuse accounts in a state that a method does not admit; without flags, none.

        Raises:
            AccountNotFoundError, AccountTakedownError, AccountDeactivatedError
        """
        if not (check_takedown or check_deactivated):
            return
        account = accounts.find_by_did(did)
        if account is None:
            raise AccountNotFoundError
        if check_takedown and account.is_taken_down:
            raise AccountTakedownError
        if check_deactivated and account.deactivated_at is not None:
            raise AccountDeactivatedError

    def check_admin(self, user: str, password: str) -> bool:
        """Whether these are the admin's credentials; takes the same time however wrong they are."""
        right_user = hmac.compare_digest(user.encode("utf-8", "replace"), ADMIN_USER.encode())
        given = password.encode("utf-8", "replace")
        return hmac.compare_digest(given, self._admin_password) and right_user

    def verify_service(self, token: str, lxm: str) -> str:
        """The DID that signed a service token made for this server and the method ``lxm``.

        Raises:
            ServiceTokenError: 401, with the name of what is wrong.
            UnresolvableDidError: the issuer's keys cannot be found out.

        Spec: https://atproto.com/specs/xrpc#inter-service-authentication-jwt
        """
        now_s = self._clock() // _SECOND_US
        try:
            claims, signed, signature = service_auth.decode_service_token(token, now=now_s)
            service_auth.check_service_claims(claims, audiences=self._audiences, lxm=lxm)
        except ServiceAuthError as error:
            raise ServiceTokenError(error.error, str(error)) from error
        if not is_did(claims.iss):
            raise ServiceTokenError("BadJwtIss", "The token's issuer is not a DID")
        self._check_signature(claims, signed, signature)
        return claims.iss

    def _check_signature(self, claims: ServiceClaims, signed: bytes, signature: bytes) -> None:
        """A key that does not fit may be a cached one that was replaced: then look again, once."""
        key = self._identity.signing_key_of(claims.iss)
        if _verifies(key, signed, signature):
            return
        current = self._identity.signing_key_of(claims.iss, force=True)
        if current == key or not _verifies(current, signed, signature):
            raise ServiceTokenError("BadJwtSignature", "jwt signature does not match jwt issuer")


def _verifies(did_key: str | None, signed: bytes, signature: bytes) -> bool:
    if did_key is None:
        return False
    try:
        key = PublicKey.from_did_key(did_key)
    except ValueError:
        logger.info("an issuer's DID document names a key of an unknown kind")
        return False
    return service_auth.verify_service_signature(key, signed, signature)


def _find_by_login(identifier: str) -> AccountRow | None:
    lowered = identifier.strip().lower()
    if "@" in lowered and not lowered.startswith("@"):
        return accounts.find_by_email(lowered)
    return accounts.find_account(lowered.removeprefix("@"))


def _no_such_user(did: str) -> InvalidRequestError:
    return InvalidRequestError(f"Could not find user info for account: {did}")


def _revoked() -> ExpiredTokenError:
    return ExpiredTokenError("Token has been revoked")
