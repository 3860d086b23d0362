"""Sessions of their own, app passwords, and refresh tokens that belong to a session.

Refresh tokens linked by ``next_id`` are one session, named by its newest token, which was made 90
days before it lapses. Chains without such a token had been logged out. There were no app passwords
before this step.
"""

from __future__ import annotations

from typing import Any

STEPS = (
    """CREATE TABLE app_password (
        account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        password_scrypt TEXT NOT NULL,
        privileged INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        PRIMARY KEY (account_id, name)
    )""",
    """CREATE TABLE session (
        id TEXT NOT NULL PRIMARY KEY,
        account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        app_password_name TEXT,
        is_takendown INTEGER NOT NULL,
        created_at_us INTEGER NOT NULL,
        used_at_us INTEGER NOT NULL,
        user_agent TEXT,
        ip TEXT,
        FOREIGN KEY (account_id, app_password_name)
            REFERENCES app_password (account_id, name) ON DELETE CASCADE
    )""",
    "CREATE INDEX session_account ON session (account_id, app_password_name)",
    """CREATE TABLE new_refresh_token (
        id TEXT NOT NULL PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
        expires_at_us INTEGER NOT NULL,
        next_id TEXT
    )""",
    """INSERT INTO session (id, account_id, is_takendown, created_at_us, used_at_us)
        SELECT id, account_id, 0, expires_at_us - 7776000000000, expires_at_us - 7776000000000
        FROM refresh_token WHERE next_id IS NULL AND app_password_name IS NULL""",
    "CREATE INDEX old_refresh_token_next ON refresh_token (next_id)",
    """WITH RECURSIVE chain (id, session_id, expires_at_us, next_id) AS (
            SELECT t.id, s.id, t.expires_at_us, t.next_id
            FROM session s JOIN refresh_token t ON t.id = s.id
            UNION ALL
            SELECT t.id, c.session_id, t.expires_at_us, t.next_id
            FROM chain c JOIN refresh_token t ON t.next_id = c.id
        )
        INSERT INTO new_refresh_token (id, session_id, expires_at_us, next_id)
        SELECT id, session_id, expires_at_us, next_id FROM chain""",
    "DROP TABLE refresh_token",
    "ALTER TABLE new_refresh_token RENAME TO refresh_token",
    "CREATE INDEX refresh_token_session ON refresh_token (session_id)",
    "CREATE INDEX refresh_token_expires ON refresh_token (expires_at_us)",
)


def up(migrator: Any, db: Any) -> None:
    del migrator
    for step in STEPS:
        db.execute_sql(step)
