"""One-time codes, and mail that is still to be sent."""

from __future__ import annotations

from typing import Any

TABLES = (
    """
    CREATE TABLE email_token (
        account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        purpose TEXT NOT NULL,
        token TEXT NOT NULL,
        token_digest TEXT NOT NULL,
        address TEXT,
        requested_at_us INTEGER NOT NULL,
        expires_at_us INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        asked INTEGER NOT NULL,
        asked_since_us INTEGER NOT NULL,
        PRIMARY KEY (account_id, purpose)
    )
    """,
    "CREATE UNIQUE INDEX email_token_digest ON email_token (purpose, token_digest)",
    """
    CREATE TABLE outgoing_mail (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
        sender TEXT NOT NULL,
        topic TEXT NOT NULL,
        recipient TEXT NOT NULL,
        subject TEXT NOT NULL,
        text TEXT NOT NULL,
        html TEXT NOT NULL,
        created_at_us INTEGER NOT NULL,
        next_try_us INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        last_error TEXT,
        expires_at_us INTEGER NOT NULL
    )
    """,
    "CREATE INDEX outgoing_mail_next_try ON outgoing_mail (next_try_us)",
    "CREATE INDEX outgoing_mail_account ON outgoing_mail (account_id)",
)


def up(migrator: Any, db: Any) -> None:
    del migrator
    for statement in TABLES:
        db.execute_sql(statement)
