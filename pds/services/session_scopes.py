"""What a password session may do; the values are the ``scope`` claims of its tokens."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    ACCESS = "com.atproto.access"
    REFRESH = "com.atproto.refresh"
    APP_PASS = "com.atproto.appPass"  # noqa: S105 - the name of a scope
    APP_PASS_PRIVILEGED = "com.atproto.appPassPrivileged"  # noqa: S105 - the name of a scope
    TAKENDOWN = "com.atproto.takendown"
