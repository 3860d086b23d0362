"""From the scopes an app asks for to the cards that its member reads, and back to what is granted.

Bluesky's own records and methods have a card of their own, and so has chat; what they show is not
shown again among the others. A wildcard counts on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from pds.atproto.oauth.scopes.account import AccountScope
from pds.atproto.oauth.scopes.blob import BlobScope
from pds.atproto.oauth.scopes.consent_cards import (
    BlueskyCard,
    CallRow,
    CallsCard,
    Card,
    ChatCard,
    EmailCard,
    IdentityCard,
    ImportCard,
    PermissionSetCard,
    RecordRow,
    RecordsCard,
    StatusCard,
    UploadsCard,
)
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.identity import IdentityScope
from pds.atproto.oauth.scopes.needs import AccountAttribute, AccountNeed, IdentityNeed, RepoAction
from pds.atproto.oauth.scopes.parse import Scope
from pds.atproto.oauth.scopes.permission_set import PermissionSet, UnknownPermissionSetError
from pds.atproto.oauth.scopes.repo import ACTIONS, RepoScope
from pds.atproto.oauth.scopes.rpc import CHAT_PREFIX, RpcScope
from pds.atproto.oauth.scopes.static import StaticScope
from pds.atproto.oauth.scopes.wildcard import ANY

_Records: TypeAlias = tuple[tuple[RecordRow, ...], tuple[Scope, ...]]
_Calls: TypeAlias = tuple[tuple[CallRow, ...], tuple[Scope, ...]]

_BLUESKY_PREFIX: Final = "app.bsky."
_BLUESKY_COLLECTIONS: Final = (_BLUESKY_PREFIX, CHAT_PREFIX)
# It has no chat, so that "any method there" reads no messages.
_BLUESKY_APP_VIEWS: Final = frozenset(
    {"did:web:api.bsky.app#bsky_appview", "did:web:bsky.app#bsky_appview"}
)
_PRIVATE_METHODS: Final = frozenset(
    {
        ANY,
        "app.bsky.actor.getPreferences",
        "app.bsky.actor.putPreferences",
        "app.bsky.graph.getBlocks",
        "app.bsky.graph.getMutes",
        "app.bsky.graph.muteActor",
        "app.bsky.graph.muteActorList",
        "app.bsky.graph.muteThread",
        "app.bsky.graph.unmuteActor",
        "app.bsky.graph.unmuteActorList",
        "app.bsky.graph.unmuteThread",
    }
)


def consent_cards(
    requested: ScopeSet, sets: Mapping[str, PermissionSet], languages: Sequence[str] = ()
) -> tuple[Card, ...]:
    """The cards for these scopes, in the order of the page; none where only ``atproto`` is asked.

    ``sets`` are the included permission sets by NSID; ``languages`` the reader's, dearest first.

    Raises:
        UnknownPermissionSetError
    """
    cards = [
        *_account_cards(requested),
        *_bluesky_cards(requested),
        *_chat_cards(requested),
        *_set_cards(requested, sets, languages),
        *_records_cards(requested),
        *_uploads_cards(requested),
        *_calls_cards(requested),
    ]
    shown = Counter(scope for card in cards for scope in card.rests_on)
    return tuple(
        replace(
            card,
            # A transitional scope is all or nothing, and the apps that ask for one expect all.
            optional=not requested.is_transitional
            and all(shown[scope] == 1 for scope in card.rests_on),
        )
        for card in cards
    )


def granted_without(requested: ScopeSet, refused: Iterable[Card]) -> ScopeSet:
    """What remains when the member refuses some of the cards.

    Raises:
        ValueError: one of them is not optional.
    """
    gone: list[Scope] = []
    for card in refused:
        if not card.optional:
            raise ValueError(f"the card {card.name} cannot be refused")
        gone.extend(card.rests_on)
    return requested.without(gone)


def _account_cards(requested: ScopeSet) -> Iterator[Card]:
    email = _account_scopes(requested, "email")
    if StaticScope.EMAIL in requested.scopes:
        email = (*email, StaticScope.EMAIL)
    if email:
        can_change = requested.permits(AccountNeed("email", "manage"))
        yield EmailCard(rests_on=email, can_change=can_change)
    identity = tuple(scope for scope in requested.scopes if isinstance(scope, IdentityScope))
    if identity:
        whole = requested.permits(IdentityNeed(ANY))
        yield IdentityCard(rests_on=identity, whole=whole, warns=whole)
    # Reading status and repository takes no permission: they are public.
    if requested.permits(AccountNeed("status", "manage")):
        yield StatusCard(rests_on=_account_scopes(requested, "status"))
    if requested.permits(AccountNeed("repo", "manage")):
        yield ImportCard(rests_on=_account_scopes(requested, "repo"), warns=True)


def _account_scopes(requested: ScopeSet, attribute: AccountAttribute) -> tuple[Scope, ...]:
    return tuple(
        scope
        for scope in requested.scopes
        if isinstance(scope, AccountScope) and scope.attribute == attribute
    )


def _bluesky_cards(requested: ScopeSet) -> Iterator[Card]:
    records, record_scopes = _records(requested.scopes, _is_bluesky_collection)
    calls, call_scopes = _calls(requested.scopes, _is_bluesky_call)
    generic = _generic(requested)
    rests_on = tuple(dict.fromkeys((*generic, *record_scopes, *call_scopes)))
    if rests_on:
        yield BlueskyCard(
            rests_on=rests_on,
            everything=bool(generic) or _holds_all(records),
            private=bool(generic) or any(row.method in _PRIVATE_METHODS for row in calls),
            records=records,
            calls=calls,
        )


def _chat_cards(requested: ScopeSet) -> Iterator[Card]:
    calls, scopes = _calls(requested.scopes, _is_chat_call)
    if StaticScope.CHAT in requested.scopes:
        scopes = (*scopes, StaticScope.CHAT)
    if scopes:
        everything = StaticScope.CHAT in scopes or any(row.method == ANY for row in calls)
        yield ChatCard(rests_on=scopes, everything=everything, calls=calls)


def _set_cards(
    requested: ScopeSet, sets: Mapping[str, PermissionSet], languages: Sequence[str]
) -> Iterator[Card]:
    for scope in requested.includes:
        found = sets.get(scope.nsid)
        if found is None:
            raise UnknownPermissionSetError(scope.nsid)
        granted = found.scopes(scope.audience)
        yield PermissionSetCard(
            rests_on=(scope,),
            title=found.title.best(languages) or scope.nsid,
            detail=found.detail.best(languages),
            records=_records(granted, lambda _: True)[0],
            calls=_calls(granted, lambda _: True)[0],
        )


def _records_cards(requested: ScopeSet) -> Iterator[Card]:
    records, scopes = _records(
        requested.scopes, lambda name: name == ANY or not _is_bluesky_collection(name)
    )
    generic = _generic(requested)
    if scopes or generic:
        yield RecordsCard(
            rests_on=(*generic, *scopes),
            everything=bool(generic) or _holds_all(records),
            records=records,
            warns=bool(generic) or any(row.collection == ANY for row in records),
        )


def _uploads_cards(requested: ScopeSet) -> Iterator[Card]:
    """Part of writing any record where the scope from before there were others is asked for."""
    scopes = tuple(scope for scope in requested.scopes if isinstance(scope, BlobScope))
    if scopes and not _generic(requested):
        merged = BlobScope.of(item for scope in scopes for item in scope.accept)
        yield UploadsCard(rests_on=scopes, accept=merged.accept)


def _calls_cards(requested: ScopeSet) -> Iterator[Card]:
    calls, scopes = _calls(
        requested.scopes,
        lambda row: row.method == ANY or not (_is_bluesky_call(row) or _is_chat_call(row)),
    )
    generic = _generic(requested)
    if scopes or generic:
        yield CallsCard(
            rests_on=(*generic, *scopes),
            everything=bool(generic),
            calls=calls,
            warns=bool(generic) or any(ANY in (row.method, row.audience) for row in calls),
        )


def _generic(requested: ScopeSet) -> tuple[Scope, ...]:
    return (StaticScope.GENERIC,) if StaticScope.GENERIC in requested.scopes else ()


def _is_bluesky_collection(name: str) -> bool:
    return name == ANY or name.startswith(_BLUESKY_COLLECTIONS)


def _is_bluesky_call(row: CallRow) -> bool:
    return row.method == ANY or row.method.startswith(_BLUESKY_PREFIX)


def _is_chat_call(row: CallRow) -> bool:
    named = row.method == ANY or row.method.startswith(CHAT_PREFIX)
    return named and row.audience not in _BLUESKY_APP_VIEWS


def _holds_all(records: Iterable[RecordRow]) -> bool:
    return any(row.collection == ANY and row.actions == ACTIONS for row in records)


def _records(scopes: Iterable[Scope], shows: Callable[[str], bool]) -> _Records:
    """One row for each collection that ``shows``, and the scopes that these come from."""
    actions: dict[str, set[RepoAction]] = {}
    rests_on = []
    for scope in scopes:
        if isinstance(scope, RepoScope):
            names = [name for name in scope.collections if shows(name)]
            for name in names:
                actions.setdefault(name, set()).update(scope.actions)
            rests_on += [scope] if names else []
    rows = (
        RecordRow(name, tuple(action for action in ACTIONS if action in actions[name]))
        for name in sorted(actions)
    )
    return tuple(rows), tuple(rests_on)


def _calls(scopes: Iterable[Scope], shows: Callable[[CallRow], bool]) -> _Calls:
    """One row for each method and service that ``shows``, and the scopes that these come from."""
    rows: set[CallRow] = set()
    rests_on = []
    for scope in scopes:
        if isinstance(scope, RpcScope):
            shown = [
                row
                for row in (CallRow(method, scope.audience) for method in scope.methods)
                if shows(row)
            ]
            rows.update(shown)
            rests_on += [scope] if shown else []
    return tuple(sorted(rows, key=lambda row: (row.method, row.audience))), tuple(rests_on)
