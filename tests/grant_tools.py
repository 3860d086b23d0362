"""Grants as the token endpoint makes them, without asking anybody."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pds.services.oauth.access_tokens import AccessTokens
from pds.services.oauth.lifetimes import ends_of
from pds.services.oauth.model import ClientAuth
from pds.services.oauth.refresh_tokens import RefreshTokens, hash_of
from pds.services.oauth.token_reply import TokenReply, write_reply
from pds.storage import oauth_grants
from pds.storage.database import transaction
from pds.storage.oauth_grants import GrantRow

if TYPE_CHECKING:
    from pds.services import Services
    from tests.factories import Person

CLIENT_ID = "https://app.example.org/client.json"
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
SCOPE = "atproto transition:generic"


def grant_row(services: Services, person: Person, **changes: Any) -> GrantRow:
    """A new grant of a public client, not stored."""
    now_us = services.clock()
    grant_id = secrets.token_hex(16)
    ends = ends_of(now_us, now_us, is_confidential=False, may_refresh=True)
    fields: dict[str, Any] = {
        "id": grant_id,
        "account_id": person.row.id,
        "client_id": CLIENT_ID,
        "client_name": "app.example.org",
        "client_auth": ClientAuth("none").to_json(),
        "dpop_jkt": JKT,
        "requested_scope": changes.get("scope", SCOPE),
        "scope": SCOPE,
        "token_id": f"tok-{secrets.token_hex(16)}",
        "issued_at_us": now_us,
        "access_expires_at_us": ends.access_us,
        "refresh_hash": hash_of(RefreshTokens(services.config).token(grant_id, 0)),
        "refresh_number": 0,
        "code_hash": hash_of(f"cod-{secrets.token_hex(32)}"),
        "browser_id": None,
        "created_at_us": now_us,
        "refreshed_at_us": now_us,
        "used_at_us": now_us,
        "expires_at_us": ends.grant_us,
        "refresh_expires_at_us": ends.refresh_us,
    }
    return GrantRow(**{**fields, **changes})


def make_grant(services: Services, person: Person, **changes: Any) -> tuple[GrantRow, TokenReply]:
    """A stored grant, and the tokens its client holds. ``changes`` are columns of the row."""
    grant = grant_row(services, person, **changes)
    with transaction():
        oauth_grants.insert(grant)
    return grant, tokens_of(services, grant, person.did)


def tokens_of(services: Services, grant: GrantRow, did: str) -> TokenReply:
    config = services.config
    return write_reply(grant, did, AccessTokens(config), RefreshTokens(config))
