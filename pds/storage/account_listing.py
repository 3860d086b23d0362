"""Accounts in the order they were made, for the operator: filtered, page by page."""

from __future__ import annotations

from pds.storage.accounts import AccountRow
from pds.storage.database import rows

_SELECT = """
SELECT id, did, handle, email, "passwordScrypt", "emailConfirmedAt", "createdAt", "takedownRef",
  "deactivatedAt", "deleteAfter", "invitesDisabled", "pendingOperation"
FROM account
"""
_BY_EMAIL = f"""{_SELECT}
WHERE id > :after AND "pendingOperation" IS NULL AND (:text = '' OR instr(email, :text))
ORDER BY id LIMIT :limit
"""
_PAGE = f"""{_SELECT}
WHERE id > :after AND "pendingOperation" IS NULL
  AND (NOT :inactive OR "takedownRef" IS NOT NULL OR "deactivatedAt" IS NOT NULL)
  AND (instr(did, :text) OR instr(handle, :text) OR instr(email, :text))
ORDER BY id LIMIT :limit
"""


def list_page(text: str, after_id: int, limit: int, *, only_inactive: bool) -> list[AccountRow]:
    """Up to ``limit`` accounts above ``after_id`` with ``text`` in DID, handle or e-mail address.

    ``text`` is in lower case; the empty one is in all of them.
    """
    params = {"text": text, "after": after_id, "limit": limit, "inactive": only_inactive}
    return [AccountRow(*found) for found in rows(_PAGE, params)]


def list_by_email(text: str, after_id: int, limit: int) -> list[AccountRow]:
    """Up to ``limit`` accounts above ``after_id`` with ``text``, in lower case, in their address.

    The empty text finds all, also those without an address.
    """
    params = {"text": text, "after": after_id, "limit": limit}
    return [AccountRow(*found) for found in rows(_BY_EMAIL, params)]
