"""The first shape of the file. Frozen: later changes are steps of their own."""

from __future__ import annotations

from typing import Any

from peewee import (
    AutoField,
    BlobField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)
from playhouse.sqlite_ext import AutoIncrementField


class Account(Model):
    id = AutoIncrementField()
    did = TextField(unique=True)
    handle = TextField(unique=True, null=True)
    email = TextField(unique=True, null=True)
    password_scrypt = TextField(null=True, column_name="passwordScrypt")
    email_confirmed_at = TextField(null=True, column_name="emailConfirmedAt")
    created_at = TextField(column_name="createdAt")
    takedown_ref = TextField(null=True, column_name="takedownRef")
    deactivated_at = TextField(null=True, column_name="deactivatedAt")
    delete_after = TextField(null=True, column_name="deleteAfter")
    invites_disabled = BooleanField(default=False, column_name="invitesDisabled")
    pending_operation = TextField(null=True, column_name="pendingOperation")


class SigningKey(Model):
    account = ForeignKeyField(Account, primary_key=True, on_delete="CASCADE")
    did_key = TextField()
    encrypted = BlobField()

    class Meta:
        table_name = "signing_key"


class RefreshToken(Model):
    id = TextField(primary_key=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
    expires_at_us = IntegerField(index=True)
    next_id = TextField(null=True)
    app_password_name = TextField(null=True)

    class Meta:
        table_name = "refresh_token"


class InviteCode(Model):
    code = TextField(primary_key=True)
    available_uses = IntegerField()
    disabled = BooleanField(default=False)
    for_account = TextField(index=True)
    created_by = TextField()
    created_at = TextField()

    class Meta:
        table_name = "invite_code"


class InviteCodeUse(Model):
    code = ForeignKeyField(InviteCode, column_name="code", on_delete="CASCADE")
    used_by = TextField()
    used_at = TextField()

    class Meta:
        table_name = "invite_code_use"
        primary_key = CompositeKey("code", "used_by")


class RepoRoot(Model):
    account = ForeignKeyField(Account, primary_key=True, on_delete="CASCADE")
    cid = BlobField()
    rev = TextField()
    data = BlobField()
    commit_block = BlobField()

    class Meta:
        table_name = "repo_root"


class Block(Model):
    account_id = IntegerField()
    cid = BlobField()
    rev = TextField()
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("account_id", "cid")


class Record(Model):
    account_id = IntegerField()
    collection = TextField()
    rkey = TextField()
    cid = BlobField()
    rev = TextField()
    indexed_at_us = IntegerField()
    takedown_ref = TextField(null=True)
    link_target = TextField(null=True)
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("account_id", "collection", "rkey")
        indexes = ((("account_id", "cid"), False),)


Record.add_index(
    Record.account_id,
    Record.collection,
    Record.link_target,
    name="record_link_target",
    where=Record.link_target.is_null(False),
)


class Blob(Model):
    account_id = IntegerField()
    cid = BlobField()
    mime_type = TextField()
    size_bytes = IntegerField()
    uploaded_at_us = IntegerField(index=True)
    takedown_ref = TextField(null=True)

    class Meta:
        primary_key = CompositeKey("account_id", "cid")


class RecordBlob(Model):
    account_id = IntegerField()
    cid = BlobField()
    collection = TextField()
    rkey = TextField()

    class Meta:
        table_name = "record_blob"
        primary_key = CompositeKey("account_id", "cid", "collection", "rkey")
        indexes = ((("account_id", "collection", "rkey"), False),)


class Event(Model):
    seq = AutoIncrementField()
    did = TextField()
    kind = TextField()
    created_at_us = IntegerField()
    frame = BlobField()


class ServerState(Model):
    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "server_state"


class PlcOperation(Model):
    id = AutoField()
    did = TextField(index=True)
    cid = TextField()
    operation = TextField()
    nullified = BooleanField(default=False)
    created_at_us = IntegerField()

    class Meta:
        table_name = "plc_operation"
        indexes = ((("did", "cid"), True),)


class DidCache(Model):
    did = TextField(primary_key=True)
    document = TextField()
    updated_at_us = IntegerField()

    class Meta:
        table_name = "did_cache"


TABLES = (
    Account,
    SigningKey,
    RefreshToken,
    InviteCode,
    InviteCodeUse,
    RepoRoot,
    Block,
    Record,
    Blob,
    RecordBlob,
    Event,
    ServerState,
    PlcOperation,
    DidCache,
)


def up(migrator: Any, db: Any) -> None:
    del migrator
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
