"""How long grants and their tokens last.

A client that proves with a key of its own who it is may keep a grant much longer than one that only
says so. The longest times are those of the reference server, access tokens aside: the specification
wants those to last less than half an hour, or as good as.

Spec: https://atproto.com/specs/oauth#tokens-and-session-lifetime
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SECOND_US: Final = 1_000_000
ACCESS_S: Final = 30 * 60
_DAY_S: Final = 24 * 60 * 60
_YEAR_S: Final = 31_557_600  # 365.25 days
WHOLE_PUBLIC_S: Final = 14 * _DAY_S
IDLE_PUBLIC_S: Final = 14 * _DAY_S
WHOLE_CONFIDENTIAL_S: Final = 2 * _YEAR_S
IDLE_CONFIDENTIAL_S: Final = _YEAR_S // 4  # three months


@dataclass(frozen=True, slots=True)
class Ends:
    """Unix times in microseconds at which things end if they are not renewed before.

    grant: all of it, and cannot be renewed. refresh: None when there is no refresh token.
    """

    access_us: int
    refresh_us: int | None
    grant_us: int


def ends_of(now_us: int, created_at_us: int, *, is_confidential: bool, may_refresh: bool) -> Ends:
    """When the tokens that are issued now end, those of a grant made at ``created_at_us``.

    A grant that cannot be refreshed ends with its one access token.
    """
    whole_s = WHOLE_CONFIDENTIAL_S if is_confidential else WHOLE_PUBLIC_S
    idle_s = IDLE_CONFIDENTIAL_S if is_confidential else IDLE_PUBLIC_S
    grant_us = created_at_us + whole_s * SECOND_US
    access_us = min(now_us + ACCESS_S * SECOND_US, grant_us)
    if not may_refresh:
        return Ends(access_us, None, access_us)
    return Ends(access_us, min(now_us + idle_s * SECOND_US, grant_us), grant_us)
