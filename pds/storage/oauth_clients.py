"""What each member has agreed to before, by client: whom consent need not be asked again."""

from __future__ import annotations

from peewee import CompositeKey, IntegerField, TextField

from pds.storage.database import Table


class OauthClientApproval(Table):
    account_id = IntegerField()
    client_id = TextField()
    scope = TextField()
    updated_at_us = IntegerField()

    class Meta:
        table_name = "oauth_client_approval"
        primary_key = CompositeKey("account_id", "client_id")
