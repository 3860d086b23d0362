"""``rpc:``: calling methods of other services in the member's name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.needs import Need, RpcNeed
from pds.atproto.oauth.scopes.schema import Parameter, Schema, Values
from pds.atproto.oauth.scopes.wildcard import ANY, holds, is_nsid_or_any, sorted_or_any
from pds.atproto.syntax.service_ref import is_service_ref

CHAT_PREFIX: Final = "chat.bsky."
# "Every method" holds those of chat, which one transitional scope leaves to another. No NSID has a
# star, so nobody is granted this one by its name.
_ANY_OF_CHAT: Final = CHAT_PREFIX + ANY


def _is_audience(raw: str) -> bool:
    return raw == ANY or is_service_ref(raw)


SCHEMA: Final = Schema(
    "rpc",
    (
        Parameter("lxm", is_nsid_or_any, many=True),
        Parameter("aud", _is_audience),
    ),
)


@dataclass(frozen=True, slots=True)
class RpcScope:
    """Made by ``of``: sorted methods or ``*`` alone, at one service or (``*``) at any."""

    methods: tuple[str, ...]
    audience: str

    @classmethod
    def of(cls, methods: Collection[str], audience: str) -> RpcScope:
        """The one form of a scope with these (valid) values.

        Raises:
            InvalidScopeError: InvalidValue, when it would be every method anywhere.
        """
        kept = sorted_or_any(methods)
        if kept == (ANY,) and audience == ANY:
            raise InvalidScopeError("InvalidValue", "lxm and aud cannot both be *")
        return cls(kept, audience)

    @classmethod
    def from_values(cls, values: Values) -> RpcScope:
        return cls.of(values["lxm"], values["aud"][0])

    def __str__(self) -> str:
        return SCHEMA.write({"lxm": self.methods, "aud": (self.audience,)})

    def permits(self, need: Need) -> bool:
        if not isinstance(need, RpcNeed) or self.audience not in (ANY, need.audience):
            return False
        return holds(self.methods, need.method)

    def parts(self) -> Iterator[Need]:
        """What it takes to cover this scope."""
        for method in self.methods:
            yield RpcNeed(method, self.audience)
            if method == ANY:
                yield RpcNeed(_ANY_OF_CHAT, self.audience)
