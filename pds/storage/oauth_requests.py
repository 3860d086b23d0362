"""Authorization requests: from being pushed until the code that came of them is used."""

from __future__ import annotations

from dataclasses import dataclass

from peewee import IntegerField, TextField

from pds.storage.database import Table


class OauthRequest(Table):
    id = TextField(primary_key=True)
    client_id = TextField()
    client_auth = TextField()
    parameters = TextField()
    dpop_jkt = TextField()
    created_at_us = IntegerField()
    expires_at_us = IntegerField(index=True)
    browser_hash = TextField(null=True)
    account_id = IntegerField(null=True)
    granted_scope = TextField(null=True)
    code_hash = TextField(null=True, unique=True)

    class Meta:
        table_name = "oauth_request"


@dataclass(frozen=True, slots=True)
class OAuthRequestRow:
    """``client_auth`` and ``parameters`` are JSON, see ``services/oauth/model.py``.

    ``browser_hash`` is set when a browser has opened the request; ``account_id``,
    ``granted_scope`` and ``code_hash`` together, when the member has agreed.
    """

    id: str
    client_id: str
    client_auth: str
    parameters: str
    dpop_jkt: str
    created_at_us: int
    expires_at_us: int
    browser_hash: str | None = None
    account_id: int | None = None
    granted_scope: str | None = None
    code_hash: str | None = None
