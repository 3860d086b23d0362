"""``repo:``: writing records of some collections."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from pds.atproto.oauth.scopes.needs import Need, RepoAction, RepoNeed
from pds.atproto.oauth.scopes.schema import Parameter, Schema, Values
from pds.atproto.oauth.scopes.wildcard import holds, is_nsid_or_any, sorted_or_any

ACTIONS: Final[tuple[RepoAction, ...]] = ("create", "update", "delete")

SCHEMA: Final = Schema(
    "repo",
    (
        Parameter("collection", is_nsid_or_any, many=True),
        Parameter("action", frozenset(ACTIONS).__contains__, many=True, default=ACTIONS),
    ),
)


@dataclass(frozen=True, slots=True)
class RepoScope:
    """Made by ``of``: sorted collections or ``*`` alone, actions in the order of ``ACTIONS``."""

    collections: tuple[str, ...]
    actions: tuple[RepoAction, ...]

    @classmethod
    def of(cls, collections: Collection[str], actions: Collection[str] = ACTIONS) -> RepoScope:
        """The one form of a scope with these (valid) values."""
        kept = tuple(action for action in ACTIONS if action in actions)
        return cls(sorted_or_any(collections), kept)

    @classmethod
    def from_values(cls, values: Values) -> RepoScope:
        return cls.of(values["collection"], values["action"])

    def __str__(self) -> str:
        return SCHEMA.write({"collection": self.collections, "action": self.actions})

    def permits(self, need: Need) -> bool:
        if not isinstance(need, RepoNeed) or need.action not in self.actions:
            return False
        return holds(self.collections, need.collection)

    def parts(self) -> Iterator[Need]:
        """What it takes to cover this scope."""
        for collection in self.collections:
            for action in self.actions:
                yield RepoNeed(collection, action)
