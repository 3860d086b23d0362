"""Any scope, from its text. ``str`` of a scope is its canonical text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from pds.atproto.oauth.scopes import account, blob, identity, include, repo, rpc
from pds.atproto.oauth.scopes.account import AccountScope
from pds.atproto.oauth.scopes.blob import BlobScope
from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.identity import IdentityScope
from pds.atproto.oauth.scopes.include import IncludeScope
from pds.atproto.oauth.scopes.repo import RepoScope
from pds.atproto.oauth.scopes.rpc import RpcScope
from pds.atproto.oauth.scopes.schema import Schema, Values
from pds.atproto.oauth.scopes.static import StaticScope
from pds.atproto.oauth.scopes.text import read_scope_text

Scope: TypeAlias = (
    StaticScope | RepoScope | RpcScope | BlobScope | AccountScope | IdentityScope | IncludeScope
)

_STATIC: Final[Mapping[str, StaticScope]] = {scope.value: scope for scope in StaticScope}
_RESOURCES: Final[Mapping[str, tuple[Schema, Callable[[Values], Scope]]]] = {
    "repo": (repo.SCHEMA, RepoScope.from_values),
    "rpc": (rpc.SCHEMA, RpcScope.from_values),
    "blob": (blob.SCHEMA, BlobScope.from_values),
    "account": (account.SCHEMA, AccountScope.from_values),
    "identity": (identity.SCHEMA, IdentityScope.from_values),
    "include": (include.SCHEMA, IncludeScope.from_values),
}


def parse_scope(token: str) -> Scope:
    """Read one scope, strictly.

    Raises:
        InvalidScopeError: with the kind of mistake in ``error``.
    """
    static = _STATIC.get(token)
    if static is not None:
        return static
    text = read_scope_text(token)
    if text.resource not in _RESOURCES:
        raise InvalidScopeError("UnknownScope", "no such scope")
    schema, make = _RESOURCES[text.resource]
    return make(schema.bind(text))
