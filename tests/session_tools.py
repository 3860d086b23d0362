"""What a client does with its tokens, without HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt

from pds.services.session_scopes import Scope
from pds.services.session_tokens import SessionTokens, Tokens
from pds.storage.accounts import AccountRow
from pds.storage.app_passwords import AppPasswordRow, insert
from pds.storage.database import execute, transaction
from tests.factories import Person

if TYPE_CHECKING:
    from pds.services import Services


def payload_of(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return payload


def token_id_of(refresh_jwt: str) -> str:
    return str(payload_of(refresh_jwt)["jti"])


def session_of(token: str) -> str:
    return str(payload_of(token)["sid"])


def access_as(services: Services, person: Person, scope: Scope) -> str:
    """An access token of a person's session, as if it had the rights of ``scope``."""
    config = services.config
    tokens = SessionTokens(config.jwt_secret, config.service_did, services.clock)
    return tokens.access_token(person.did, scope, session_of(person.access_jwt))


def refresh(services: Services, refresh_jwt: str) -> Tokens:
    """What refreshSession does with a token."""
    claims = services.sessions.verify_refresh(refresh_jwt)
    assert claims.token_id is not None
    return services.sessions.refresh(claims.did, claims.token_id).tokens


def log_out(services: Services, refresh_jwt: str) -> None:
    """What deleteSession does with a token."""
    claims = services.sessions.verify_refresh(refresh_jwt, allow_expired=True)
    assert claims.token_id is not None
    services.sessions.log_out(claims.token_id, claims.session_id)


def tie_to_app_password(account: AccountRow, token: str, name: str = "phone") -> None:
    """Make a token's session one that was begun with an app password of that name."""
    with transaction():
        insert(AppPasswordRow(account.id, name, "salt:hash", False, "2026-01-01T00:00:00.000Z"))
        execute("UPDATE session SET app_password_name = ? WHERE id = ?", (name, session_of(token)))
