"""What each member has agreed to before, by client: whom consent need not be asked again."""

from __future__ import annotations

from peewee import CompositeKey, IntegerField, TextField

from pds.storage.database import Table, execute, row


class OauthClientApproval(Table):
    account_id = IntegerField()
    client_id = TextField()
    scope = TextField()
    updated_at_us = IntegerField()

    class Meta:
        table_name = "oauth_client_approval"
        primary_key = CompositeKey("account_id", "client_id")


def find(account_id: int, client_id: str) -> str | None:
    """The scope that a member has agreed to; None when they have not been asked."""
    found = row(
        "SELECT scope FROM oauth_client_approval WHERE account_id = ? AND client_id = ?",
        (account_id, client_id),
    )
    return None if found is None else found[0]


# Every function below changes rows; the caller holds the transaction.


def forget(account_id: int, client_id: str) -> None:
    """Have the member asked again the next time."""
    execute(
        "DELETE FROM oauth_client_approval WHERE account_id = ? AND client_id = ?",
        (account_id, client_id),
    )


def forget_all(account_id: int, *, keep_client_id: str = "") -> None:
    """Have the member asked again by every client but one."""
    execute(
        "DELETE FROM oauth_client_approval WHERE account_id = ? AND client_id != ?",
        (account_id, keep_client_id),
    )


def save(account_id: int, client_id: str, scope: str, at_us: int) -> None:
    """Remember what a member has agreed to, in the place of what was remembered."""
    execute(
        "INSERT OR REPLACE INTO oauth_client_approval"
        " (account_id, client_id, scope, updated_at_us) VALUES (?, ?, ?, ?)",
        (account_id, client_id, scope, at_us),
    )
