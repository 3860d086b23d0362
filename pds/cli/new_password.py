"""Passwords made for somebody: long enough, and easy to read out."""

from __future__ import annotations

import secrets
import sys

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_GROUPS, _GROUP_LENGTH = 4, 6  # 118 bits


def chosen_password(given: str | None) -> str:
    """The password that ``--password`` asks for: a new one by default, typed in for ``-``."""
    if given is None:
        return new_password()
    if given != "-":
        return given
    return sys.stdin.readline().rstrip("\r\n")


def new_password() -> str:
    """A random password such as ``h3kw9x-…``, 27 characters long."""
    return "-".join(
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
