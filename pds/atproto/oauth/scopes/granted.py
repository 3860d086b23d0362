"""The scopes of a request, a grant or a token, taken together.

All work here is linear in the length of the text; whoever takes one from outside bounds that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.include import IncludeScope
from pds.atproto.oauth.scopes.needs import Need
from pds.atproto.oauth.scopes.parse import Scope, parse_scope
from pds.atproto.oauth.scopes.static import StaticScope


@dataclass(frozen=True, slots=True)
class ScopeSet:
    """Made by ``of`` or ``parse``: each scope once, in the order of their canonical texts."""

    scopes: tuple[Scope, ...]

    @classmethod
    def of(cls, scopes: Iterable[Scope]) -> ScopeSet:
        by_text = {str(scope): scope for scope in scopes}
        return cls(tuple(by_text[text] for text in sorted(by_text)))

    @classmethod
    def parse(cls, text: str) -> ScopeSet:
        """Read a ``scope`` value; tokens that are no scopes here are left out, as ever in OAuth."""
        scopes = []
        for token in text.split(" "):
            try:
                scopes.append(parse_scope(token))
            except InvalidScopeError:
                continue
        return cls.of(scopes)

    def __str__(self) -> str:
        return " ".join(str(scope) for scope in self.scopes)

    @property
    def is_atproto(self) -> bool:
        """Whether the scope without which nothing is granted is among them."""
        return StaticScope.ATPROTO in self.scopes

    @property
    def is_transitional(self) -> bool:
        return any(
            isinstance(scope, StaticScope) and scope.is_transitional for scope in self.scopes
        )

    @property
    def includes(self) -> tuple[IncludeScope, ...]:
        return tuple(scope for scope in self.scopes if isinstance(scope, IncludeScope))

    def permits(self, need: Need) -> bool:
        return any(scope.permits(need) for scope in self.scopes)

    def covers(self, other: ScopeSet) -> bool:
        """Whether ``other`` permits nothing that this does not; sets by name, not by content."""
        return all(self._covers(scope) for scope in other.scopes)

    def without(self, scopes: Iterable[Scope]) -> ScopeSet:
        gone = frozenset(scopes)
        return ScopeSet(tuple(scope for scope in self.scopes if scope not in gone))

    def _covers(self, scope: Scope) -> bool:
        if isinstance(scope, StaticScope | IncludeScope):
            return scope in self.scopes
        return all(self.permits(need) for need in scope.parts())
