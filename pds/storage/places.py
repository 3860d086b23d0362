"""From where an account's own password was used: its sessions, and browsers it is signed in to.

Sessions of app passwords do not count: whoever has one of those has not the other.
"""

from __future__ import annotations

from pds.storage.database import rows

_LIST = """
SELECT user_agent, ip FROM session WHERE account_id = ? AND app_password_name IS NULL
UNION
SELECT browser.user_agent, browser.ip FROM browser_account
JOIN browser ON browser.id = browser_account.browser_id WHERE browser_account.account_id = ?
LIMIT ?
"""


def list_for_account(account_id: int, limit: int) -> list[tuple[str | None, str | None]]:
    """(User-Agent, IP address) without repeats, in no particular order."""
    return list(rows(_LIST, (account_id, account_id, limit)))
