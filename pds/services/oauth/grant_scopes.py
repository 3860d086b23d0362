"""What the tokens of a grant permit: what was agreed to, each permission set by its content.

A set is looked up anew with each issue of tokens, so that what its authors change arrives; a set
that cannot be had then keeps what it amounted to the last time. No refresh ever permits more than
the member has agreed to.

Spec: https://atproto.com/specs/permission#permission-sets, RFC 6749 §6 (scope)
"""

from __future__ import annotations

from typing import Final

from pds.atproto.oauth.scopes.errors import InvalidScopeError as ScopeSyntaxError
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.parse import Scope, parse_scope
from pds.atproto.oauth.scopes.permission_set import (
    OversizedSetsError,
    UnknownPermissionSetError,
    expand,
)
from pds.errors import PdsError
from pds.oauth_errors import InvalidScopeError, TemporarilyUnavailableError
from pds.services.oauth.request_parameters import KnownPermissionSets
from pds.storage.oauth_grants import GrantRow

MAX_WANTED_LENGTH: Final = 32_768
_SHOWN_CHARS: Final = 200  # of a scope, in a message


class GrantScopes:
    """Replaces permission sets by what is in them."""

    def __init__(self, permission_sets: KnownPermissionSets) -> None:
        self._permission_sets = permission_sets

    def at_issue(self, agreed: str) -> str:
        """What the first tokens of a grant permit.

        Raises:
            TemporarilyUnavailableError: a permission set cannot be had at the moment.
        """
        expanded = self._expand(ScopeSet.parse(agreed))
        if expanded is None:
            raise _unavailable()
        return str(expanded)

    def at_refresh(self, grant: GrantRow, wanted: str | None) -> str:
        """What the next tokens of a grant permit.

        wanted: the part of it that the client asks for; all of it by default.

        Raises:
            InvalidScopeError: some of that was never agreed to.
            TemporarilyUnavailableError: a permission set cannot be had, and it was asked for.
        """
        agreed = ScopeSet.parse(grant.requested_scope)
        all_of_it = self._expand(agreed) or _kept(agreed, ScopeSet.parse(grant.scope))
        if wanted is None:
            return str(all_of_it)
        part = _read_wanted(wanted)
        _check_part(part, agreed, all_of_it)
        expanded = self._expand(part)
        if expanded is None:
            raise _unavailable()
        return str(expanded)

    def _expand(self, scopes: ScopeSet) -> ScopeSet | None:
        """None when a set cannot be had, or has become too large to be granted."""
        if not scopes.includes:
            return scopes
        try:
            return expand(scopes, self._permission_sets.of(scopes))
        except (PdsError, UnknownPermissionSetError, OversizedSetsError):
            return None


def _kept(agreed: ScopeSet, last: ScopeSet) -> ScopeSet:
    """What is known without asking anybody; the last tokens may have been for a part only."""
    return ScopeSet.of([*agreed.without(agreed.includes).scopes, *last.scopes])


def _read_wanted(text: str) -> ScopeSet:
    if len(text) > MAX_WANTED_LENGTH:
        message = "scope: is too long"
        raise InvalidScopeError(message)
    wanted = ScopeSet.of(_read_scope(token) for token in text.split(" "))
    if not wanted.is_atproto:
        message = 'scope: must hold "atproto"'
        raise InvalidScopeError(message)
    return wanted


def _read_scope(token: str) -> Scope:
    try:
        return parse_scope(token)
    except ScopeSyntaxError as error:
        raise _not_granted(token) from error


def _check_part(part: ScopeSet, agreed: ScopeSet, all_of_it: ScopeSet) -> None:
    """Sets count by their name, everything else by what it permits."""
    for scope in part.scopes:
        one = ScopeSet.of([scope])
        if not (agreed if one.includes else all_of_it).covers(one):
            raise _not_granted(str(scope))


def _not_granted(token: str) -> InvalidScopeError:
    shown = token if len(token) <= _SHOWN_CHARS else f"{token[:_SHOWN_CHARS]}…"
    return InvalidScopeError(f"scope: {shown} is not part of what the member has agreed to")


def _unavailable() -> TemporarilyUnavailableError:
    message = "A permission set in the scope cannot be fetched at the moment, try again shortly"
    return TemporarilyUnavailableError(message)
