"""What holds for all scopes: one text each, and covering is about what is permitted."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.include import IncludeScope
from pds.atproto.oauth.scopes.missing import missing_scope
from pds.atproto.oauth.scopes.needs import Need, RpcNeed
from pds.atproto.oauth.scopes.parse import Scope, parse_scope
from pds.atproto.oauth.scopes.static import StaticScope
from pds.atproto.oauth.scopes.text import read_scope_text
from tests.atproto.oauth.scopes.scope_strategies import needs, scope_sets, scopes

quick = settings(deadline=None, max_examples=200)

# The parameter that may stand behind the colon.
FIRST = {
    "repo": "collection",
    "rpc": "lxm",
    "blob": "accept",
    "account": "attr",
    "identity": "attr",
    "include": "nsid",
}


@quick
@given(scopes)
def test_the_text_of_a_scope_reads_back(scope: Scope) -> None:
    assert parse_scope(str(scope)) == scope


@quick
@given(st.one_of(scopes.map(str), st.text(alphabet="repobl:?&=%2A*.c/n", max_size=24)))
def test_canonical_text_is_canonical(token: str) -> None:
    try:
        text = str(parse_scope(token))
    except InvalidScopeError:
        return
    assert str(parse_scope(text)) == text


@quick
@given(scopes, st.randoms(use_true_random=False))
def test_spelling_makes_no_difference(scope: Scope, chance: random.Random) -> None:
    """Every parameter by name, in any order, every character of a value escaped."""
    if isinstance(scope, StaticScope):
        return
    text = read_scope_text(str(scope))
    pairs = list(text.named)
    if text.positional is not None:
        pairs.append((FIRST[text.resource], text.positional))
    chance.shuffle(pairs)
    query = "&".join(f"{name}={escape_all(value)}" for name, value in pairs)

    assert parse_scope(f"{text.resource}?{query}") == scope


def escape_all(value: str) -> str:
    return "".join(f"%{ord(character):02x}" for character in value)


@quick
@given(scope_sets)
def test_a_set_reads_back_in_any_order(held: ScopeSet) -> None:
    backwards = " ".join(reversed(str(held).split(" ")))

    assert ScopeSet.parse(str(held)) == held
    assert ScopeSet.parse(f"{backwards} openid repo:%zz  {held}") == held


@quick
@given(scope_sets, scope_sets, needs)
def test_who_covers_permits_as_much(one: ScopeSet, other: ScopeSet, need: Need) -> None:
    if one.covers(other) and other.permits(need):
        assert one.permits(need)


@quick
@given(scope_sets, scope_sets, scope_sets)
def test_covering_is_an_order(one: ScopeSet, two: ScopeSet, three: ScopeSet) -> None:
    assert one.covers(one)
    assert one.covers(ScopeSet(()))
    assert ScopeSet.of(one.scopes + two.scopes).covers(one)
    if one.covers(two) and two.covers(three):
        assert one.covers(three)


@quick
@given(scope_sets, needs)
def test_more_scopes_permit_no_less(held: ScopeSet, need: Need) -> None:
    for scope in held.scopes:
        if scope.permits(need):
            assert held.permits(need)
            break
    else:
        assert not held.permits(need)


@quick
@given(scope_sets, needs)
def test_the_missing_scope_is_enough_and_no_more_than_needed(held: ScopeSet, need: Need) -> None:
    if isinstance(need, RpcNeed) and "#" not in need.audience:
        return  # no scope names a bare DID
    asked = ScopeSet.parse(missing_scope(need))

    assert asked.permits(need)
    if held.covers(asked):
        assert held.permits(need)


@quick
@given(scope_sets)
def test_permission_sets_permit_nothing_by_themselves(held: ScopeSet) -> None:
    only = ScopeSet.of(scope for scope in held.scopes if isinstance(scope, IncludeScope))

    assert only.scopes == held.includes
    assert held.without(only.scopes).includes == ()
