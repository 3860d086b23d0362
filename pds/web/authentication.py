"""``Authorization`` header → caller, as the method demands.

Terms: the *kind* of an ``Auth`` says which schemes count (see ``pds.xrpc.method.Auth``); checking a
token or a password is the business of ``services.sessions`` and ``services.service_tokens``; what
OAuth clients send is looked at in ``oauth_authentication``.
Spec: https://atproto.com/specs/xrpc#authentication
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from pds.errors import AuthMissingError, AuthRequiredError, InvalidTokenError
from pds.services.session_scopes import Scope
from pds.web.dpop import Credentials
from pds.web.oauth_authentication import oauth_caller
from pds.xrpc.method import ANONYMOUS, Caller, Method

if TYPE_CHECKING:
    from pds.services import Services

ADMIN = Caller("admin")
MAX_SHOWN_CHARS = 40

_SCHEMES = ("basic", "bearer", "dpop")


def authenticate(method: Method, given: Credentials, services: Services) -> Caller:
    """Who is calling the method, or an error that says why nobody is.

    Raises:
        UseDpopNonceError, InvalidDpopProofError, InvalidAccessTokenError: only with ``DPoP``.
        AuthMissingError, AuthRequiredError, InvalidTokenError, ExpiredTokenError,
        MissingTokenIdError, ServiceTokenError, UnresolvableDidError, AccountTakedownError,
        AccountDeactivatedError
    """
    return _BY_KIND[method.auth.kind](method, given, services)


def _nobody(_method: Method, _given: Credentials, _services: Services) -> Caller:
    return ANONYMOUS


def _access(method: Method, given: Credentials, services: Services) -> Caller:
    """A user with an access token whose scope the method accepts, or an app a user has let in."""
    if given.is_dpop:
        return oauth_caller(method, given, _split(given.authorization or "")[1], services)
    access = services.sessions.verify_access(_bearer_token(given))
    if access.scope not in method.auth.scopes:
        message = "Bad token scope"
        raise InvalidTokenError(message)
    access.check_status(
        check_takedown=method.auth.check_takedown, check_deactivated=method.auth.check_deactivated
    )
    return Caller(
        "user",
        access.did,
        access.scope,
        session_id=access.session_id,
        app_password_name=access.app_password_name,
    )


def _refresh(method: Method, given: Credentials, services: Services) -> Caller:
    token = _bearer_token(given)
    claims = services.sessions.verify_refresh(token, allow_expired=method.auth.allow_expired)
    return Caller("user", claims.did, Scope.REFRESH, claims.token_id, claims.session_id)


def _admin(_method: Method, given: Credentials, services: Services) -> Caller:
    credentials = _basic_credentials(given.authorization)
    if credentials is None or not services.sessions.check_admin(*credentials):
        raise AuthRequiredError
    return ADMIN


def _moderator(method: Method, given: Credentials, services: Services) -> Caller:
    if given.authorization is None or _split(given.authorization)[0] != "bearer":
        return _admin(method, given, services)
    return _moderation_service(method, _bearer_token(given), services)


def _user_or_moderator(method: Method, given: Credentials, services: Services) -> Caller:
    """Only service tokens name a method."""
    if not given.is_dpop:
        token = _bearer_token(given)
        if "lxm" in _unverified_payload(token):
            return _moderation_service(method, token, services)
    return _access(method, given, services)


def _moderation_service(method: Method, token: str, services: Services) -> Caller:
    once = method.kind == "procedure"
    return Caller(
        "moderator", services.service_tokens.verify_moderator(token, method.nsid, once=once)
    )


def _optional(method: Method, given: Credentials, services: Services) -> Caller:
    if given.authorization is None:
        return ANONYMOUS
    if _split(given.authorization)[0] == "basic":
        return _admin(method, given, services)
    return _access(method, given, services)


def _new_account(method: Method, given: Credentials, services: Services) -> Caller:
    """Nobody, or the owner of a DID who moves in and proves it with a service token."""
    if given.authorization is None:
        return ANONYMOUS
    scheme, _, token = given.authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        message = "Invalid authorization header"
        raise AuthRequiredError(message)
    return Caller("service", services.service_tokens.verify_user(token.strip(), method.nsid))


def _upload(method: Method, given: Credentials, services: Services) -> Caller:
    """A user, or a service that the user gave a token for exactly this method.

    The service acts for accounts that could write the record that shows the upload.
    """
    if given.authorization is not None:
        scheme, token = _split(given.authorization)
        if scheme == "bearer" and "lxm" in _unverified_payload(token):
            issuer = services.service_tokens.verify_user(token, method.nsid)
            return Caller("service", services.accounts.get_writable(issuer, issuer).did)
    return _access(method, given, services)


def _service(method: Method, given: Credentials, services: Services) -> Caller:
    """The owner of a DID, hosted here or not, or the admin."""
    if given.authorization is None:
        raise AuthMissingError
    scheme, token = _split(given.authorization)
    if scheme == "basic":
        return _admin(method, given, services)
    if scheme != "bearer":
        _refuse_scheme()
    return Caller("service", services.service_tokens.verify_user(token, method.nsid))


_BY_KIND: dict[str, Callable[[Method, Credentials, Services], Caller]] = {
    "none": _nobody,
    "access": _access,
    "refresh": _refresh,
    "admin": _admin,
    "moderator": _moderator,
    "user_or_moderator": _user_or_moderator,
    "optional": _optional,
    "new_account": _new_account,
    "upload": _upload,
    "service": _service,
}


def _split(header: str) -> tuple[str, str]:
    """Scheme in lower case, and the rest."""
    parts = header.split(" ")
    if len(parts) != 2 or not parts[1]:
        message = "Malformed authorization header"
        raise InvalidTokenError(message)
    scheme = parts[0].lower()
    if scheme not in _SCHEMES:
        message = f"Unsupported authorization type: {parts[0][:MAX_SHOWN_CHARS]}"
        raise InvalidTokenError(message)
    return scheme, parts[1]


def _bearer_token(given: Credentials) -> str:
    if given.authorization is None:
        raise AuthMissingError
    scheme, token = _split(given.authorization)
    if scheme != "bearer":
        _refuse_scheme()
    return token


def _refuse_scheme() -> NoReturn:
    message = "Unexpected authorization type"
    raise InvalidTokenError(message)


def _basic_credentials(header: str | None) -> tuple[str, str] | None:
    """User and password; the password may hold colons. None when that is not what was sent."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None


def _unverified_payload(token: str) -> dict[str, Any]:
    """What a JWT claims, only to choose who verifies it; ``{}`` for anything that is not a JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
