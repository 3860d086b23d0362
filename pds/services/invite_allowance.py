"""How many invite codes an account has earned by being here.

Terms
- interval: members earn a code each time it has passed since their account was made.
- epoch: time before it does not count; codes made before it do not count either. An operator sets
  it when the rules change.
- routine codes: those an account made for itself, not what the admin gave it.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_UNUSED = 5


@dataclass(frozen=True, slots=True)
class RoutineCode:
    """``created_at_ms`` is Unix time; ``is_open``: enabled, and not used up."""

    created_at_ms: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class InviteRules:
    """``interval_ms`` 0: members earn no codes."""

    interval_ms: int = 0
    epoch_ms: int = 0

    def to_create(self, codes: list[RoutineCode], created_at_ms: int, now_ms: int) -> int:
        """How many more codes an account may have that was made at ``created_at_ms``.

        The reference's arithmetic: intervals that have ended since the account was made, less those
        before the epoch; at most five unused ones at a time.
        """
        if not self.interval_ms:
            return 0
        earned = (now_ms - created_at_ms) // self.interval_ms
        if created_at_ms < self.epoch_ms:
            earned -= (self.epoch_ms - created_at_ms) // self.interval_ms
        had = sum(code.created_at_ms > self.epoch_ms for code in codes)
        unused = sum(code.is_open for code in codes)
        return max(0, min(MAX_UNUSED - unused, earned - had))
