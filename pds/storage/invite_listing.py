"""Invite codes with who used them: an account's own, and pages of all for moderators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pds.storage.database import rows

Sort = Literal["recent", "usage"]


@dataclass(frozen=True, slots=True)
class InviteUse:
    """``used_at`` is ISO text."""

    used_by: str
    used_at: str


@dataclass(frozen=True, slots=True)
class ListedCode:
    """A code as it is shown. ``available_uses`` is how many there were at first."""

    code: str
    available_uses: int
    disabled: bool
    for_account: str
    created_by: str
    created_at: str
    uses: tuple[InviteUse, ...]

    @property
    def is_used_up(self) -> bool:
        return len(self.uses) >= self.available_uses


_COLUMNS = (
    "SELECT c.code, c.available_uses, c.disabled, c.for_account, c.created_by, c.created_at FROM "
)
_OF_ACCOUNT = _COLUMNS + "invite_code c WHERE c.for_account = ? ORDER BY c.created_at, c.code"
_USED_BY = _COLUMNS + (
    "invite_code c JOIN invite_code_use u ON u.code = c.code"
    " WHERE u.used_by = ? ORDER BY u.used_at LIMIT 1"
)
_RECENT = _COLUMNS + (
    "invite_code c WHERE (c.created_at, c.code) < (?, ?)"
    " ORDER BY c.created_at DESC, c.code DESC LIMIT ?"
)
_BY_USAGE = """
SELECT code, available_uses, disabled, for_account, created_by, created_at FROM
    (SELECT c.*, (SELECT count(*) FROM invite_code_use u WHERE u.code = c.code) AS used
     FROM invite_code c)
WHERE (used, code) < (?, ?) ORDER BY used DESC, code DESC LIMIT ?
"""
_USES = """
SELECT u.code, u.used_by, u.used_at FROM invite_code_use u
WHERE u.code IN ({places}) ORDER BY u.used_at, u.used_by
"""
_PLACES = 500  # SQLite takes 32,766, older ones 999


def codes_of(account: str) -> list[ListedCode]:
    """All codes of an account, oldest first."""
    return _with_uses(rows(_OF_ACCOUNT, (account,)))


def code_used_by(did: str) -> ListedCode | None:
    """The code an account signed up with, if it needed one."""
    found = _with_uses(rows(_USED_BY, (did,)))
    return found[0] if found else None


def page(sort: Sort, before: tuple[str | int, str], limit: int) -> list[ListedCode]:
    """Up to ``limit`` codes, the newest or the most used first.

    before: creation time (ISO text) or number of uses, and code, of the last one already shown.
    """
    sql = _RECENT if sort == "recent" else _BY_USAGE
    return _with_uses(rows(sql, (*before, limit)))


def _with_uses(found: list[tuple[Any, ...]]) -> list[ListedCode]:
    uses = _uses_of([code[0] for code in found])
    return [
        ListedCode(code, available, bool(disabled), owner, by, at, tuple(uses[code]))
        for code, available, disabled, owner, by, at in found
    ]


def _uses_of(codes: list[str]) -> defaultdict[str, list[InviteUse]]:
    uses: defaultdict[str, list[InviteUse]] = defaultdict(list)
    for some in _slices(codes):
        places = ",".join("?" * len(some))
        for code, used_by, used_at in rows(_USES.format(places=places), some):
            uses[code].append(InviteUse(used_by, used_at))
    return uses


def _slices(codes: list[str]) -> Iterable[list[str]]:
    return (codes[start : start + _PLACES] for start in range(0, len(codes), _PLACES))
