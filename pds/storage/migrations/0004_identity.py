"""Identity changes under way, keys promised to accounts that will move in, own recovery keys."""

from __future__ import annotations

from typing import Any

from peewee import BlobField, ForeignKeyField, IntegerField, Model, TextField
from playhouse.sqlite_ext import AutoIncrementField


class Account(Model):
    """Only what the foreign key needs."""

    id = AutoIncrementField()


class IdentityChange(Model):
    account = ForeignKeyField(Account, primary_key=True, on_delete="CASCADE")
    handle = TextField(unique=True, null=True)
    operation = TextField()
    created_at_us = IntegerField()

    class Meta:
        table_name = "identity_change"


class ReservedKey(Model):
    did = TextField(primary_key=True)
    did_key = TextField()
    encrypted = BlobField()
    created_at_us = IntegerField(index=True)

    class Meta:
        table_name = "reserved_key"


def up(migrator: Any, db: Any) -> None:
    del migrator
    with db.bind_ctx((Account, IdentityChange, ReservedKey)):
        db.create_tables((IdentityChange, ReservedKey), safe=False)
    db.execute_sql('ALTER TABLE account ADD COLUMN "recoveryDidKey" TEXT')
