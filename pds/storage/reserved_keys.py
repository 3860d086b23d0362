"""Signing keys promised to accounts that will move in, encrypted; one for each DID."""

from __future__ import annotations

from peewee import BlobField, IntegerField, TextField

from pds.storage.database import Table


class ReservedKey(Table):
    did = TextField(primary_key=True)
    did_key = TextField()
    encrypted = BlobField()
    created_at_us = IntegerField(index=True)

    class Meta:
        table_name = "reserved_key"
