"""``account:``: the member's account at this server: e-mail address, repository, status.

The specification knows ``email`` and ``repo``; ``status`` is the reference server's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, cast

from pds.atproto.oauth.scopes.needs import AccountAction, AccountAttribute, AccountNeed, Need
from pds.atproto.oauth.scopes.schema import Parameter, Schema, Values

ATTRIBUTES: Final[tuple[AccountAttribute, ...]] = ("email", "repo", "status")
ACTIONS: Final[tuple[AccountAction, ...]] = ("read", "manage")

SCHEMA: Final = Schema(
    "account",
    (
        Parameter("attr", frozenset(ATTRIBUTES).__contains__),
        Parameter("action", frozenset(ACTIONS).__contains__, many=True, default=("read",)),
    ),
)


@dataclass(frozen=True, slots=True)
class AccountScope:
    """Made by ``of``: one attribute, and actions in the order of ``ACTIONS``."""

    attribute: AccountAttribute
    actions: tuple[AccountAction, ...]

    @classmethod
    def of(cls, attribute: AccountAttribute, actions: Collection[str] = ("read",)) -> AccountScope:
        """The one form of a scope with these (valid) values."""
        return cls(attribute, tuple(action for action in ACTIONS if action in actions))

    @classmethod
    def from_values(cls, values: Values) -> AccountScope:
        return cls.of(cast("AccountAttribute", values["attr"][0]), values["action"])

    def __str__(self) -> str:
        return SCHEMA.write({"attr": (self.attribute,), "action": self.actions})

    def permits(self, need: Need) -> bool:
        """Who may manage may also read."""
        if not isinstance(need, AccountNeed) or need.attribute != self.attribute:
            return False
        return need.action in self.actions or "manage" in self.actions

    def parts(self) -> Iterator[Need]:
        """What it takes to cover this scope."""
        for action in self.actions:
            yield AccountNeed(self.attribute, action)
