"""Passwords made for somebody: long enough, and easy to read out."""

from __future__ import annotations

import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_GROUPS, _GROUP_LENGTH = 4, 6  # 118 bits


def new_password() -> str:
    """A random password such as ``h3kw9x-…``, 27 characters long."""
    return "-".join(
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
