"""``identity:``: the member's handle, or the whole identity with its keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from pds.atproto.oauth.scopes.needs import IdentityAttribute, IdentityNeed, Need
from pds.atproto.oauth.scopes.schema import Parameter, Schema, Values

ATTRIBUTES: Final[tuple[IdentityAttribute, ...]] = ("handle", "*")

SCHEMA: Final = Schema("identity", (Parameter("attr", frozenset(ATTRIBUTES).__contains__),))


@dataclass(frozen=True, slots=True)
class IdentityScope:
    attribute: IdentityAttribute

    @classmethod
    def from_values(cls, values: Values) -> IdentityScope:
        return cls(cast("IdentityAttribute", values["attr"][0]))

    def __str__(self) -> str:
        return SCHEMA.write({"attr": (self.attribute,)})

    def permits(self, need: Need) -> bool:
        return isinstance(need, IdentityNeed) and self.attribute in ("*", need.attribute)

    def parts(self) -> Iterator[Need]:
        """What it takes to cover this scope."""
        yield IdentityNeed(self.attribute)
