"""What may be used once and was: ids of client assertions, code challenges."""

from __future__ import annotations

from peewee import CompositeKey, IntegerField, TextField

from pds.storage.database import Table, execute


class OauthSeen(Table):
    kind = TextField()
    key = TextField()
    expires_at_us = IntegerField(index=True)

    class Meta:
        table_name = "oauth_seen"
        primary_key = CompositeKey("kind", "key")


# Every function below changes rows; the caller holds the transaction.


def add(kind: str, key: str, *, expires_at_us: int, now_us: int) -> bool:
    """Note that something was used; False when it was used before and that counts still."""
    changed = execute(
        "INSERT INTO oauth_seen (kind, key, expires_at_us) VALUES (?, ?, ?)"
        " ON CONFLICT (kind, key) DO UPDATE SET expires_at_us = excluded.expires_at_us"
        " WHERE oauth_seen.expires_at_us <= ?",
        (kind, key, expires_at_us, now_us),
    )
    return changed == 1


def delete_expired(before_us: int) -> int:
    """Forget what lapsed before ``before_us``; return how many."""
    return execute("DELETE FROM oauth_seen WHERE expires_at_us <= ?", (before_us,))
