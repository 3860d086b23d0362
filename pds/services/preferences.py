"""Private settings that apps keep with an account: muted words, saved feeds, the birth date.

Terms
- personal details: the preference with the birth date. Only a caller with full access sees or
  changes it. Everybody else is told whether its owner is over 13, 16 and 18, computed on reading;
  an app that sends that back changes nothing.

What is stored is what was put. Whether a known preference has the right shape is settled by the
Lexicon of putPreferences before anything comes here; unknown ones in the namespace are kept.
Spec: https://docs.bsky.app/docs/api/app-bsky-actor-put-preferences
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pds.atproto import dag_json
from pds.errors import AccountNotFoundError, InvalidRequestError
from pds.services.clock import Clock
from pds.storage import accounts, preferences
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction

NAMESPACE: Final = "app.bsky"
PERSONAL_DETAILS: Final = "app.bsky.actor.defs#personalDetailsPref"
DECLARED_AGE: Final = "app.bsky.actor.defs#declaredAgePref"
MAX_COUNT: Final = 2_000
# Twice what the reference takes in one request, so that nobody has too many to move in with.
MAX_TOTAL_BYTES: Final = 2 * 153_600

_AGES: Final = (13, 16, 18)


class Preferences:
    """Reads and replaces the preferences of accounts in any status."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def get(self, account: AccountRow, *, full_access: bool) -> list[dict[str, Any]]:
        """All preferences as plain JSON values, the declared age last."""
        found = [json.loads(text) for text in preferences.list_values(account.id)]
        personal = next((item for item in found if item["$type"] == PERSONAL_DETAILS), None)
        if not full_access:
            found = [item for item in found if item["$type"] != PERSONAL_DETAILS]
        if personal is not None and "birthDate" in personal:
            found.append(self._declared_age(personal["birthDate"]))
        return found

    def is_declared_minor(self, account: AccountRow) -> bool:
        """Whether somebody has given a birth date and is not yet 18."""
        return any(
            item["$type"] == DECLARED_AGE and not item["isOverAge18"]
            for item in self.get(account, full_access=False)
        )

    def put(
        self, account: AccountRow, wanted: Sequence[dict[str, Any]], *, full_access: bool
    ) -> None:
        """Replace all preferences that the caller may change, in one step.

        Raises:
            InvalidRequestError: one is of another namespace or not the caller's to set, or they
                are too many or too large.
            AccountNotFoundError: the account went in the meantime.
        """
        if any(not _is_ours(item["$type"]) for item in wanted):
            message = f"Some preferences are not in the {NAMESPACE} namespace"
            raise InvalidRequestError(message)
        if not full_access and any(item["$type"] == PERSONAL_DETAILS for item in wanted):
            message = f"Do not have authorization to set preferences: {PERSONAL_DETAILS}"
            raise InvalidRequestError(message)
        items = [
            (item["$type"], dag_json.dumps(item))
            for item in wanted
            if item["$type"] != DECLARED_AGE
        ]
        _check_size(items)
        with transaction():
            if accounts.find_by_id(account.id) is None:
                raise AccountNotFoundError
            keep = None if full_access else PERSONAL_DETAILS
            preferences.replace_all(account.id, items, keep=keep)

    def _declared_age(self, birth_date: str) -> dict[str, Any]:
        """The date counts as written, whatever its zone: people have birthdays, not moments."""
        year, month, day = (int(part) for part in birth_date[:10].split("-"))
        today = datetime.fromtimestamp(self._clock() / 1_000_000, UTC)
        age = today.year - year - ((today.month, today.day) < (month, day))
        return {"$type": DECLARED_AGE, **{f"isOverAge{limit}": age >= limit for limit in _AGES}}


def _is_ours(name: str) -> bool:
    return name == NAMESPACE or name.startswith(f"{NAMESPACE}.")


def _check_size(items: Sequence[tuple[str, str]]) -> None:
    if len(items) > MAX_COUNT:
        message = f"More than {MAX_COUNT} preferences"
        raise InvalidRequestError(message)
    total = sum(len(text.encode()) for _, text in items)
    if total > MAX_TOTAL_BYTES:
        message = f"The preferences take {total} bytes, the limit is {MAX_TOTAL_BYTES}"
        raise InvalidRequestError(message)
