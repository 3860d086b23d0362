"""Accounts that are gone but whose data is still being removed."""

from __future__ import annotations

from typing import Any

from peewee import IntegerField, Model, TextField


class Deletion(Model):
    account_id = IntegerField(primary_key=True)
    did = TextField(unique=True)
    started_at_us = IntegerField()
    tombstone_seq = IntegerField()


def up(migrator: Any, db: Any) -> None:
    del migrator
    with db.bind_ctx([Deletion]):
        db.create_tables([Deletion], safe=False)
