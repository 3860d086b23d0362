"""Whatever an app asks for, the cards tell of all of it, and a refusal takes it away."""

from __future__ import annotations

from hypothesis import given, settings

from pds.atproto.oauth.scopes.consent import consent_cards, granted_without
from pds.atproto.oauth.scopes.consent_cards import (
    BlueskyCard,
    CallsCard,
    Card,
    ChatCard,
    RecordsCard,
)
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.localized import Localized
from pds.atproto.oauth.scopes.needs import AccountNeed, Need, RepoNeed, RpcNeed
from pds.atproto.oauth.scopes.permission_set import PermissionSet
from pds.atproto.oauth.scopes.rpc import CHAT_PREFIX
from pds.atproto.syntax.nsid import Nsid
from tests.atproto.oauth.scopes.scope_strategies import NSIDS, needs, scope_sets

quick = settings(deadline=None, max_examples=200)

SETS = {name: PermissionSet(Nsid(name), Localized("A set"), Localized(None), ()) for name in NSIDS}
# What anybody can see takes no permission, and so no card.
PUBLIC = {AccountNeed("repo", "read"), AccountNeed("status", "read")}


def tells_of(card: Card, need: Need) -> bool:
    """Whether a member who reads the card knows that what is needed will be possible."""
    if isinstance(need, RepoNeed) and isinstance(card, BlueskyCard | RecordsCard):
        return card.everything or any(
            row.collection in (need.collection, "*") and need.action in row.actions
            for row in card.records
        )
    if isinstance(need, RpcNeed) and isinstance(card, BlueskyCard | CallsCard | ChatCard):
        if isinstance(card, ChatCard) and card.everything and need.method.startswith(CHAT_PREFIX):
            return True
        return (isinstance(card, CallsCard) and card.everything) or any(
            row.method in (need.method, "*") and row.audience in (need.audience, "*")
            for row in card.calls
        )
    if isinstance(need, RepoNeed | RpcNeed):
        return False
    return any(scope.permits(need) for scope in card.rests_on)


@quick
@given(scope_sets, needs)
def test_nothing_is_permitted_that_no_card_tells_of(requested: ScopeSet, need: Need) -> None:
    cards = consent_cards(requested, SETS)

    if requested.permits(need) and need not in PUBLIC:
        assert any(tells_of(card, need) for card in cards)


@quick
@given(scope_sets)
def test_a_card_rests_on_what_is_asked_for(requested: ScopeSet) -> None:
    for card in consent_cards(requested, SETS):
        assert card.rests_on
        assert set(card.rests_on) <= set(requested.scopes)


@quick
@given(scope_sets)
def test_a_refused_card_is_gone_and_the_others_stay(requested: ScopeSet) -> None:
    cards = consent_cards(requested, SETS)

    for refused in cards:
        if refused.optional:
            granted = granted_without(requested, [refused])
            left = consent_cards(granted, SETS)
            assert requested.covers(granted)
            assert [card.name for card in left] == [
                card.name for card in cards if card is not refused
            ]
