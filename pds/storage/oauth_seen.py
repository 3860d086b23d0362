"""What may be used once and was: ids of client assertions, code challenges."""

from __future__ import annotations

from peewee import CompositeKey, IntegerField, TextField

from pds.storage.database import Table


class OauthSeen(Table):
    kind = TextField()
    key = TextField()
    expires_at_us = IntegerField(index=True)

    class Meta:
        table_name = "oauth_seen"
        primary_key = CompositeKey("kind", "key")
