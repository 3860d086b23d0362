"""What each member has agreed to before, by client: whom consent need not be asked again."""

from __future__ import annotations

from peewee import CompositeKey, IntegerField, TextField

from pds.storage.database import Table, execute


class OauthClientApproval(Table):
    account_id = IntegerField()
    client_id = TextField()
    scope = TextField()
    updated_at_us = IntegerField()

    class Meta:
        table_name = "oauth_client_approval"
        primary_key = CompositeKey("account_id", "client_id")


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
