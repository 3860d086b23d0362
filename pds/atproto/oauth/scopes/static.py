"""Scopes without parameters: the one everybody has, and those from before there were others.

A transitional scope permits what an app password does, with or without chat.
"""

from __future__ import annotations

from enum import StrEnum

from pds.atproto.oauth.scopes.needs import AccountNeed, BlobNeed, Need, RepoNeed, RpcNeed
from pds.atproto.oauth.scopes.rpc import CHAT_PREFIX


class StaticScope(StrEnum):
    ATPROTO = "atproto"
    GENERIC = "transition:generic"
    CHAT = "transition:chat.bsky"
    EMAIL = "transition:email"

    @property
    def is_transitional(self) -> bool:
        return self is not StaticScope.ATPROTO

    def permits(self, need: Need) -> bool:
        if self is StaticScope.GENERIC:
            if isinstance(need, RpcNeed):
                return not need.method.startswith(CHAT_PREFIX)
            return isinstance(need, RepoNeed | BlobNeed)
        if self is StaticScope.CHAT:
            return isinstance(need, RpcNeed) and need.method.startswith(CHAT_PREFIX)
        return self is StaticScope.EMAIL and need == AccountNeed("email", "read")
