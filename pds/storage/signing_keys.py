"""Signing keys of accounts, encrypted; what encrypts them is not in this file's business."""

from __future__ import annotations

from dataclasses import dataclass

from peewee import BlobField, IntegerField, TextField

from pds.storage.database import Table, execute, row


class SigningKey(Table):
    account_id = IntegerField(primary_key=True)
    did_key = TextField()
    encrypted = BlobField()

    class Meta:
        table_name = "signing_key"


@dataclass(frozen=True, slots=True)
class SigningKeyRow:
    did_key: str
    encrypted: bytes


def find_key(account_id: int) -> SigningKeyRow | None:
    found = row("SELECT did_key, encrypted FROM signing_key WHERE account_id = ?", (account_id,))
    return None if found is None else SigningKeyRow(found[0], bytes(found[1]))


def any_account() -> int | None:
    """Some account that has a key; None before the first."""
    found = row("SELECT account_id FROM signing_key LIMIT 1")
    return None if found is None else int(found[0])


def save_key(account_id: int, did_key: str, encrypted: bytes) -> None:
    """Store the key an account signs with from now on. The caller holds the transaction."""
    execute(
        "INSERT INTO signing_key (account_id, did_key, encrypted) VALUES (?, ?, ?)"
        " ON CONFLICT (account_id) DO UPDATE"
        " SET did_key = excluded.did_key, encrypted = excluded.encrypted",
        (account_id, did_key, encrypted),
    )
