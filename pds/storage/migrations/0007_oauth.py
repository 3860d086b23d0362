"""OAuth: requests, what came of them, browsers that are signed in, permission sets.

No token, code or cookie is here in the clear: only hashes of them. A grant outlives the browser it
was given in.
"""

from __future__ import annotations

from typing import Any

STEPS = (
    """CREATE TABLE browser (
        id TEXT NOT NULL PRIMARY KEY,
        secret_hash TEXT NOT NULL,
        previous_secret_hash TEXT,
        rotated_at_us INTEGER NOT NULL,
        user_agent TEXT,
        ip TEXT,
        created_at_us INTEGER NOT NULL,
        seen_at_us INTEGER NOT NULL
    )""",
    "CREATE INDEX browser_seen ON browser (seen_at_us)",
    """CREATE TABLE browser_account (
        browser_id TEXT NOT NULL REFERENCES browser (id) ON DELETE CASCADE,
        account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        authenticated_at_us INTEGER NOT NULL,
        remembered INTEGER NOT NULL,
        request_id TEXT,
        PRIMARY KEY (browser_id, account_id)
    )""",
    "CREATE INDEX browser_account_account ON browser_account (account_id)",
    """CREATE TABLE oauth_request (
        id TEXT NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL,
        client_auth TEXT NOT NULL,
        parameters TEXT NOT NULL,
        dpop_jkt TEXT NOT NULL,
        created_at_us INTEGER NOT NULL,
        expires_at_us INTEGER NOT NULL,
        browser_hash TEXT,
        account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
        granted_scope TEXT,
        code_hash TEXT
    )""",
    "CREATE INDEX oauth_request_expires ON oauth_request (expires_at_us)",
    "CREATE INDEX oauth_request_account ON oauth_request (account_id)",
    "CREATE UNIQUE INDEX oauth_request_code ON oauth_request (code_hash)",
    """CREATE TABLE oauth_grant (
        id TEXT NOT NULL PRIMARY KEY,
        account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        client_id TEXT NOT NULL,
        client_name TEXT,
        client_auth TEXT NOT NULL,
        dpop_jkt TEXT NOT NULL,
        requested_scope TEXT NOT NULL,
        scope TEXT NOT NULL,
        token_id TEXT NOT NULL,
        issued_at_us INTEGER NOT NULL,
        access_expires_at_us INTEGER NOT NULL,
        refresh_hash TEXT,
        refresh_number INTEGER NOT NULL,
        code_hash TEXT NOT NULL,
        browser_id TEXT REFERENCES browser (id) ON DELETE SET NULL,
        created_at_us INTEGER NOT NULL,
        refreshed_at_us INTEGER NOT NULL,
        used_at_us INTEGER NOT NULL,
        expires_at_us INTEGER NOT NULL,
        refresh_expires_at_us INTEGER
    )""",
    "CREATE UNIQUE INDEX oauth_grant_token ON oauth_grant (token_id)",
    "CREATE UNIQUE INDEX oauth_grant_refresh ON oauth_grant (refresh_hash)",
    "CREATE UNIQUE INDEX oauth_grant_code ON oauth_grant (code_hash)",
    "CREATE INDEX oauth_grant_account ON oauth_grant (account_id, client_id)",
    "CREATE INDEX oauth_grant_browser ON oauth_grant (browser_id)",
    "CREATE INDEX oauth_grant_expires ON oauth_grant (expires_at_us)",
    """CREATE TABLE oauth_used_refresh_token (
        hash TEXT NOT NULL PRIMARY KEY,
        grant_id TEXT NOT NULL REFERENCES oauth_grant (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        used_at_us INTEGER NOT NULL
    )""",
    "CREATE INDEX oauth_used_refresh_token_grant ON oauth_used_refresh_token (grant_id)",
    """CREATE TABLE oauth_client_approval (
        account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        client_id TEXT NOT NULL,
        scope TEXT NOT NULL,
        updated_at_us INTEGER NOT NULL,
        PRIMARY KEY (account_id, client_id)
    )""",
    """CREATE TABLE oauth_seen (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        expires_at_us INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    )""",
    "CREATE INDEX oauth_seen_expires ON oauth_seen (expires_at_us)",
    """CREATE TABLE permission_set (
        nsid TEXT NOT NULL PRIMARY KEY,
        document TEXT NOT NULL,
        fetched_at_us INTEGER NOT NULL,
        used_at_us INTEGER NOT NULL
    )""",
    "CREATE INDEX permission_set_used ON permission_set (used_at_us)",
)


def up(migrator: Any, db: Any) -> None:
    del migrator
    for step in STEPS:
        db.execute_sql(step)
