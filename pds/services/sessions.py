"""Password sessions: log in, refresh, log out; and who a token speaks for.

Terms
- session: what begins with a log-in, a row in the database. Its tokens are good for nothing once
  the row is gone, access tokens included: every request looks. That is unlike the reference, whose
  access tokens outlive a log-out or a changed password by up to two hours.
- rotation: using a refresh token names its successor and leaves the used one alive for a short
  grace, in which it gives the *same* successor again. A client whose network dropped the reply, or
  that refreshed from two tabs at once, is not logged out.

Tricky bits
- Between the check of a password and the session that it begins, the password may be changed: what
  was checked is looked at once more in the transaction.
"""

from __future__ import annotations

import base64
import dataclasses
import hmac
import secrets
from dataclasses import dataclass

from pds.config import Config
from pds.errors import (
    AccountDeactivatedError,
    AccountTakedownError,
    ExpiredTokenError,
    InvalidRequestError,
)
from pds.services.clock import Clock
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.log_in_check import Proof, wrong_password
from pds.services.second_factors import SecondFactorNeeded, SecondFactorRequiredError
from pds.services.session_scopes import Scope
from pds.services.session_tokens import (
    ACCESS_LIFETIME_S,
    REFRESH_LIFETIME_S,
    Claims,
    SessionTokens,
    Tokens,
)
from pds.services.sign_in import SignIn
from pds.storage import accounts, app_passwords, refresh_tokens, sessions
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction
from pds.storage.refresh_tokens import RefreshTokenRow
from pds.storage.sessions import SessionRow

# The rows are handed out from here, so callers who may not know storage name them from here.
__all__ = ["Access", "Session", "SessionRow", "Sessions"]

GRACE_S = 2 * 60 * 60
ADMIN_USER = "admin"
MAX_LISTED = 500
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Session:
    """An account that has just proved who it is, and its new tokens."""

    account: AccountRow
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Access:
    """What the access token of a living session proves, and the state of its account."""

    did: str
    scope: Scope
    session_id: str
    app_password_name: str | None
    is_taken_down: bool
    is_deactivated: bool

    def check_status(self, *, check_takedown: bool, check_deactivated: bool) -> None:
        """Refuse an account in a state that a method does not admit.

        Raises:
            AccountTakedownError, AccountDeactivatedError
        """
        if check_takedown and self.is_taken_down:
            raise AccountTakedownError
        if check_deactivated and self.is_deactivated:
            raise AccountDeactivatedError


def new_token_id() -> str:
    """An id nobody can guess, in the reference's form: base64 without padding, 43 characters."""
    return base64.b64encode(secrets.token_bytes(32)).decode("ascii").rstrip("=")


class Sessions:
    """Issues, renews, revokes and checks what callers show to be let in."""

    def __init__(self, config: Config, clock: Clock, sign_in: SignIn) -> None:
        self._tokens = SessionTokens(config.jwt_secret, config.service_did, clock)
        self._admin_password = config.admin_password.encode("utf-8")
        self._clock = clock
        self._sign_in = sign_in

    # --- beginning -------------------------------------------------------------------------------

    def login(
        self,
        identifier: str,
        password: str,
        *,
        allow_takendown: bool = False,
        device: Device = UNKNOWN_DEVICE,
        factor_token: str | None = None,
        bypass_key: str | None = None,
    ) -> Session:
        """Log in by handle, DID or e-mail address. Inactive accounts may, to move away.

        A taken-down account gets in only when the client asks for that; its session can do little
        and cannot be refreshed. The owner is told when the account's own password is used in a
        place that no session of the account is from.

        factor_token: the answer to the account's second factor, when the client was asked for one.
        bypass_key: as ``RateLimits`` knows it.

        Raises:
            AuthRequiredError: no such account or a wrong password, without saying which.
            AccountTakedownError: the password is right, but ``allow_takendown`` is not set.
            SecondFactorRequiredError, LockedOutError
        """
        outcome = self._sign_in.begin_anywhere(
            identifier, password, device, allow_takendown=allow_takendown, bypass_key=bypass_key
        )
        if isinstance(outcome, SecondFactorNeeded):
            if factor_token is None:
                raise SecondFactorRequiredError(outcome)
            outcome = self._sign_in.finish(
                outcome.ticket, factor_token, device, bypass_key=bypass_key
            )
        with transaction():
            if not self._sign_in.settle(outcome):
                raise wrong_password()
            return Session(outcome.account, self._begin_proven(outcome, device))

    def issue(self, account: AccountRow, device: Device = UNKNOWN_DEVICE) -> Tokens:
        """Begin a session with every right that the account has in its state."""
        with transaction():
            return self._begin_proven(Proof(account), device)

    def issue_in_transaction(
        self, account_id: int, did: str, device: Device = UNKNOWN_DEVICE
    ) -> Tokens:
        """Begin the first session of a new account, as part of the caller's transaction."""
        return self._begin(did, self._new_session(account_id, device))

    def _begin_proven(self, proof: Proof, device: Device) -> Tokens:
        account, app_password = proof.account, proof.app_password
        session = dataclasses.replace(
            self._new_session(account.id, device),
            app_password_name=None if app_password is None else app_password.name,
            is_takendown=account.is_taken_down,
        )
        return self._begin(account.did, session)

    def _new_session(self, account_id: int, device: Device) -> SessionRow:
        now_us = self._clock()
        return SessionRow(
            id=secrets.token_hex(16),
            account_id=account_id,
            app_password_name=None,
            is_takendown=False,
            created_at_us=now_us,
            used_at_us=now_us,
            user_agent=device.user_agent,
            ip=device.ip,
        )

    def _begin(self, did: str, session: SessionRow) -> Tokens:
        """Store a session and sign its tokens. The caller holds the transaction.

        The refresh token of a takedown has no row, and so is refused when it is used.
        """
        sessions.insert(session)
        first = self._new_refresh_token(session.id)
        if not session.is_takendown:
            refresh_tokens.insert_token(first)
        return self._sign(did, _scope_of(session), first)

    # --- going on --------------------------------------------------------------------------------

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
            successor, scope = self._rotate(account.id, token_id)
        return Session(account, self._sign(account.did, scope, successor))

    def _rotate(self, account_id: int, token_id: str) -> tuple[RefreshTokenRow, Scope]:
        """The successor of a refresh token, made when this is its first use, and what it may do.

        The caller holds the transaction.
        """
        now_us = self._clock()
        used = refresh_tokens.find_token(token_id)
        if used is None or used.expires_at_us <= now_us:
            raise _revoked()
        session = sessions.find(used.session_id)
        if session is None or session.account_id != account_id:
            raise _revoked()
        scope = _scope_of(session)
        sessions.set_used(session.id, now_us)
        successor = self._new_refresh_token(session.id, used.next_id)
        if refresh_tokens.mark_used(token_id, successor.id, now_us + GRACE_S * _SECOND_US):
            refresh_tokens.insert_token(successor)
        return successor, scope

    def _new_refresh_token(self, session_id: str, token_id: str | None = None) -> RefreshTokenRow:
        expires_at_us = self._clock() + REFRESH_LIFETIME_S * _SECOND_US
        return RefreshTokenRow(token_id or new_token_id(), session_id, expires_at_us, None)

    def _sign(self, did: str, scope: Scope, token: RefreshTokenRow) -> Tokens:
        return Tokens(
            self._tokens.access_token(did, scope, token.session_id),
            self._tokens.refresh_token(did, token.id, token.session_id),
        )

    # --- ending ----------------------------------------------------------------------------------

    def log_out(self, token_id: str, session_id: str | None) -> None:
        """End the session of a refresh token, whether used, lapsed or neither. Twice is fine.

        session_id: as the token names it; tokens of the reference server do not.
        """
        with transaction():
            if session_id is None:
                token = refresh_tokens.find_token(token_id)
                session_id = None if token is None else token.session_id
            if session_id is not None:
                sessions.delete(session_id)

    def revoke_all(self, account_id: int) -> None:
        """End every session of an account, also those of app passwords.

        Part of the caller's transaction.
        """
        sessions.delete_for_account(account_id)

    def end_all(self, account_id: int) -> None:
        """``revoke_all`` in a transaction of its own."""
        with transaction():
            self.revoke_all(account_id)

    def expire(self) -> int:
        """Forget sessions that have lapsed, and used refresh tokens; return how many sessions."""
        now_us = self._clock()
        with transaction():
            refresh_tokens.delete_expired(now_us)
            return sessions.delete_ended(now_us - ACCESS_LIFETIME_S * _SECOND_US)

    # --- looking ---------------------------------------------------------------------------------

    def list_sessions(self, account_id: int) -> list[SessionRow]:
        """An account's sessions, the last used first; not more than anybody would read."""
        return sessions.list_for_account(account_id, MAX_LISTED)

    def get_session_account(self, did: str) -> AccountRow:
        """The account a session belongs to.

        Raises:
            InvalidRequestError: it is gone, or taken down.
        """
        account = accounts.find_by_did(did)
        if account is None or account.is_taken_down:
            raise _no_such_user(did)
        return account

    def verify_access(self, token: str) -> Access:
        """Whose session an access token belongs to, and what it may do.

        Raises:
            ExpiredTokenError: it has lapsed, or its session has ended. Clients then try to refresh,
                are told the same, and ask their user to log in again.
            InvalidTokenError
        """
        claims = self._tokens.read_access(token)
        session_id = claims.session_id or ""
        live = sessions.find_live(session_id)
        if live is None:
            raise _revoked()
        return Access(
            claims.did,
            claims.scope,
            session_id,
            live.app_password_name,
            live.takedown_ref is not None,
            live.deactivated_at is not None,
        )

    def verify_refresh(self, token: str, *, allow_expired: bool = False) -> Claims:
        """Raises ExpiredTokenError, InvalidTokenError or MissingTokenIdError."""
        return self._tokens.read_refresh(token, allow_expired=allow_expired)

    def check_admin(self, user: str, password: str) -> bool:
        """Whether these are the admin's credentials; takes the same time however wrong they are."""
        right_user = hmac.compare_digest(user.encode("utf-8", "replace"), ADMIN_USER.encode())
        given = password.encode("utf-8", "replace")
        return hmac.compare_digest(given, self._admin_password) and right_user


def _scope_of(session: SessionRow) -> Scope:
    """What a session may do now: an app password's rights are looked up, not remembered."""
    if session.app_password_name is None:
        return Scope.TAKENDOWN if session.is_takendown else Scope.ACCESS
    password = app_passwords.find(session.account_id, session.app_password_name)
    if password is None:
        raise _revoked()
    return Scope.APP_PASS_PRIVILEGED if password.privileged else Scope.APP_PASS


def _no_such_user(did: str) -> InvalidRequestError:
    return InvalidRequestError(f"Could not find user info for account: {did}")


def _revoked() -> ExpiredTokenError:
    return ExpiredTokenError("Token has been revoked")
