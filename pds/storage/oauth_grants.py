"""Grants: what members have allowed to clients, with the tokens in use. Tokens are kept as hashes.

A grant goes with its account; the refresh tokens it has used up go with the grant.
"""

from __future__ import annotations

from dataclasses import dataclass

from peewee import IntegerField, TextField

from pds.storage.database import Table


class OauthGrant(Table):
    id = TextField(primary_key=True)
    account_id = IntegerField()
    client_id = TextField()
    client_name = TextField(null=True)
    client_auth = TextField()
    dpop_jkt = TextField()
    requested_scope = TextField()
    scope = TextField()
    token_id = TextField(unique=True)
    issued_at_us = IntegerField()
    access_expires_at_us = IntegerField()
    refresh_hash = TextField(null=True, unique=True)
    refresh_number = IntegerField()
    code_hash = TextField(unique=True)
    browser_id = TextField(null=True)
    created_at_us = IntegerField()
    refreshed_at_us = IntegerField()
    used_at_us = IntegerField()
    expires_at_us = IntegerField(index=True)
    refresh_expires_at_us = IntegerField(null=True)

    class Meta:
        table_name = "oauth_grant"
        indexes = ((("account_id", "client_id"), False),)


class OauthUsedRefreshToken(Table):
    hash = TextField(primary_key=True)
    grant_id = TextField()
    number = IntegerField()
    used_at_us = IntegerField()

    class Meta:
        table_name = "oauth_used_refresh_token"


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One grant. Times are Unix microseconds.

    requested_scope: what the member agreed to, as the client wrote it (``include:`` and all).
    scope: what that amounted to when the tokens in use were issued.
    token_id: ``jti`` of the access token in use; there is one at a time.
    refresh_number: how often the refresh token was replaced.
    used_at_us: about when the client last did something with it.
    expires_at_us: the end of the grant, however often it is refreshed.
    """

    id: str
    account_id: int
    client_id: str
    client_name: str | None
    client_auth: str
    dpop_jkt: str
    requested_scope: str
    scope: str
    token_id: str
    issued_at_us: int
    access_expires_at_us: int
    refresh_hash: str | None
    refresh_number: int
    code_hash: str
    browser_id: str | None
    created_at_us: int
    refreshed_at_us: int
    used_at_us: int
    expires_at_us: int
    refresh_expires_at_us: int | None
