"""Tokens with which our accounts, or this server for them, call other servers.

Each is signed with the account's own signing key and names the server it is for (``aud``) and, but
for very short-lived ones, the one method it is good for (``lxm``).

Spec: https://atproto.com/specs/xrpc#inter-service-authentication-jwt
"""

from __future__ import annotations

import re
import secrets

from pds.atproto.service_auth import create_service_token
from pds.errors import (
    AccountNotFoundError,
    BadExpirationError,
    InvalidRequestError,
    InvalidTokenError,
)
from pds.services.clock import Clock
from pds.services.keys import SigningKeys
from pds.services.method_sets import CREATE_ACCOUNT, is_privileged, is_protected
from pds.services.session_scopes import Scope
from pds.storage import accounts
from pds.storage.accounts import AccountRow

MAX_LIFETIME_S = 60 * 60
MAX_LIFETIME_WITHOUT_METHOD_S = 60
_SECOND_US = 1_000_000

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_AUDIENCE = re.compile(
    rf"(?:did:plc:[a-z2-7]{{24}}|did:web:(?:{_HOST}|localhost)(?:%3A[0-9]{{1,5}})?)"
    r"(?:#[A-Za-z0-9._~!$&'()*+,;=:@/?-]+)?"
)


class ServiceAuth:
    """Signs service tokens."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def grant(
        self, did: str, scope: Scope | None, aud: str, lxm: str | None, exp: int | None
    ) -> str:
        """A token that the owner of an account asks for, as far as their session allows it.

        A taken-down account may move away, and so gets one for createAccount; the reference
        server's refuses that as well. scope: None for OAuth clients, whose own scopes were
        looked at before. ``aud`` is the DID of the other server, or of one of its services
        (``did#service``); ``exp`` is Unix time in seconds, in a minute when it is None.

        Raises:
            InvalidRequestError: the audience is none, or the session or nobody may have a token
                for this method.
            InvalidTokenError, BadExpirationError, AccountNotFoundError
        """
        if not _AUDIENCE.fullmatch(aud):
            message = "aud must be a valid atproto DID, with or without a service identifier"
            raise InvalidRequestError(message)
        _check_scope(scope, lxm)
        self._check_expiry(exp, lxm)
        if lxm is not None and is_protected(lxm):
            message = (
                f"cannot request a service auth token for the following protected method: {lxm}"
            )
            raise InvalidRequestError(message)
        account = accounts.find_by_did(did)
        if account is None:
            raise AccountNotFoundError
        return self.sign(account, aud, lxm, exp=exp)

    def sign(
        self, account: AccountRow, aud: str, lxm: str | None, *, exp: int | None = None
    ) -> str:
        """A token for one of our accounts; it lives for a minute unless ``exp`` is given."""
        return create_service_token(
            iss=account.did,
            aud=aud,
            lxm=lxm,
            key=self._keys.get(account.id),
            now=self._clock() // _SECOND_US,
            exp=exp,
            jti=secrets.token_hex(16),
        )

    def _check_expiry(self, exp: int | None, lxm: str | None) -> None:
        if exp is None:
            return
        left_s = exp - self._clock() / _SECOND_US
        message = ""
        if left_s < 0:
            message = "expiration is in past"
        elif left_s > MAX_LIFETIME_S:
            message = "cannot request a token with an expiration more than an hour in the future"
        elif lxm is None and left_s > MAX_LIFETIME_WITHOUT_METHOD_S:
            message = (
                "cannot request a method-less token with an expiration more than a minute in the"
                " future"
            )
        if message:
            raise BadExpirationError(message)


def _check_scope(scope: Scope | None, lxm: str | None) -> None:
    if scope is Scope.TAKENDOWN:
        if lxm is None or lxm.lower() != CREATE_ACCOUNT.lower():
            message = "Bad token scope"
            raise InvalidTokenError(message)
        return
    is_full = scope in (None, Scope.ACCESS, Scope.APP_PASS_PRIVILEGED)
    if lxm is not None and not is_full and is_privileged(lxm):
        message = (
            f"insufficient access to request a service auth token for the following method: {lxm}"
        )
        raise InvalidRequestError(message)
