"""What tokens permit: sets by their content, never more than was agreed to."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import expand
from pds.oauth_errors import InvalidScopeError, OAuthError, TemporarilyUnavailableError
from pds.services.oauth.grant_scopes import MAX_WANTED_LENGTH, GrantScopes
from pds.storage.oauth_grants import GrantRow
from tests.factories import Person
from tests.grant_tools import grant_row
from tests.token_tools import SET, FakeSets

if TYPE_CHECKING:
    from pds.services import Services

EVENT = "com.example.calendar.event"
NOTE = "com.example.calendar.note"
INCLUDE = f"include:{SET}"
POST = "repo:app.bsky.feed.post"


@pytest.fixture
def sets() -> FakeSets:
    return FakeSets({SET: [EVENT]})


@pytest.fixture
def scopes(sets: FakeSets) -> GrantScopes:
    return GrantScopes(sets)


@pytest.fixture
def grant(services: Services, alice: Person) -> GrantRow:
    return grant_row(
        services,
        alice,
        requested_scope=f"atproto {INCLUDE} {POST}",
        scope=f"atproto {POST} repo:{EVENT}",
    )


# --- permission sets -----------------------------------------------------------------------------


def test_nobody_is_asked_about_scopes_without_sets(scopes: GrantScopes, sets: FakeSets) -> None:
    assert scopes.at_issue(f"{POST} atproto") == f"atproto {POST}"
    assert sets.asked == 0


def test_the_first_tokens_need_every_set(scopes: GrantScopes, sets: FakeSets) -> None:
    assert scopes.at_issue(f"atproto {INCLUDE}") == f"atproto repo:{EVENT}"
    sets.collections.clear()

    with pytest.raises(TemporarilyUnavailableError):
        scopes.at_issue(f"atproto {INCLUDE}")


def test_a_set_that_has_changed_arrives_with_the_next_refresh(
    scopes: GrantScopes, sets: FakeSets, grant: GrantRow
) -> None:
    sets.collections[SET] = [NOTE]

    assert scopes.at_refresh(grant, None) == f"atproto {POST} repo:{NOTE}"


def test_a_set_that_is_out_of_reach_stays_as_it_was(
    scopes: GrantScopes, sets: FakeSets, grant: GrantRow
) -> None:
    sets.collections.clear()

    assert scopes.at_refresh(grant, None) == grant.scope


def test_sets_that_have_grown_too_large_stay_as_they_were(
    scopes: GrantScopes, sets: FakeSets, grant: GrantRow
) -> None:
    sets.collections = {
        f"com.example.s{number}.auth": [
            f"com.example.s{number}.e{n:04}{'x' * 50}" for n in range(1_000)
        ]
        for number in range(2)
    }
    both = f"atproto {' '.join(f'include:{nsid}' for nsid in sets.collections)}"
    before = dataclasses.replace(grant, requested_scope=both, scope="atproto repo:com.example.s0.a")

    assert scopes.at_refresh(before, None) == before.scope
    with pytest.raises(TemporarilyUnavailableError):
        scopes.at_issue(both)


def test_without_the_set_what_was_left_out_once_comes_back_as_far_as_known(
    services: Services, alice: Person, scopes: GrantScopes, sets: FakeSets
) -> None:
    sets.collections.clear()
    narrowed = grant_row(
        services, alice, requested_scope=f"atproto {INCLUDE} {POST}", scope="atproto"
    )

    assert scopes.at_refresh(narrowed, None) == f"atproto {POST}"


def test_a_long_part_of_much_is_no_long_work(
    services: Services, alice: Person, scopes: GrantScopes
) -> None:
    names = [f"com.example.calendar.m{number:04}" for number in range(2_000)]
    much = [f"rpc?{'&'.join(f'lxm={n}' for n in names)}&aud=did:web:a{n}.org%23x" for n in range(9)]
    part = f"atproto rpc?{'&'.join(f'lxm={name}' for name in names[-900:])}&aud=did:web:a8.org%23x"
    granted = grant_row(services, alice, requested_scope=" ".join(["atproto", *much]))
    began = time.thread_time()

    assert scopes.at_refresh(granted, part) == part

    assert time.thread_time() - began < 0.5


# --- a part of it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "given_"),
    [
        ("atproto", "atproto"),
        (f"atproto {INCLUDE}", f"atproto repo:{EVENT}"),
        (f"atproto repo:{EVENT}", f"atproto repo:{EVENT}"),
        (f"atproto repo:{EVENT}?action=create", f"atproto repo:{EVENT}?action=create"),
        (f"{POST}?action=delete atproto", f"atproto {POST}?action=delete"),
        (f"atproto {POST} {INCLUDE}", f"atproto {POST} repo:{EVENT}"),
        (f"atproto repo?collection={EVENT}&collection=app.bsky.feed.post", None),
    ],
)
def test_a_client_may_ask_for_a_part(
    scopes: GrantScopes, grant: GrantRow, wanted: str, given_: str | None
) -> None:
    reply = scopes.at_refresh(grant, wanted)

    assert reply == given_ or given_ is None
    assert ScopeSet.parse(grant.scope).covers(ScopeSet.parse(reply))


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        POST,
        " atproto",
        "atproto  " + POST,
        "atproto nonsense",
        "atproto repo:*",
        "atproto repo:app.bsky.feed.like",
        f"atproto repo:{NOTE}",
        "atproto include:com.example.other.auth",
        f"atproto {INCLUDE}?aud=did:web:example.com%23svc",
        "atproto transition:generic",
        "atproto account:email",
        "atproto identity:*",
        "atproto blob:*/*",
        "atproto rpc:app.bsky.feed.getFeed?aud=*",
        "atproto" + " " * MAX_WANTED_LENGTH,
        "atproto é",
        "atproto \ud800",
        "atproto repo:%zz",
    ],
)
def test_what_was_not_agreed_to_is_refused(
    scopes: GrantScopes, grant: GrantRow, wanted: str
) -> None:
    with pytest.raises(InvalidScopeError):
        scopes.at_refresh(grant, wanted)


def test_a_part_with_a_set_that_is_out_of_reach_has_to_wait(
    scopes: GrantScopes, sets: FakeSets, grant: GrantRow
) -> None:
    sets.collections.clear()

    with pytest.raises(TemporarilyUnavailableError):
        scopes.at_refresh(grant, f"atproto {INCLUDE}")
    assert scopes.at_refresh(grant, f"atproto repo:{EVENT}") == f"atproto repo:{EVENT}"


# --- never more ----------------------------------------------------------------------------------

TOKENS = (
    "atproto",
    POST,
    f"{POST}?action=create",
    "repo:app.bsky.feed.like",
    "repo:*",
    "blob:*/*",
    "blob:image/*",
    "account:email",
    "account:email?action=manage",
    "identity:*",
    "identity:handle",
    "rpc:app.bsky.feed.getFeed?aud=*",
    "rpc:app.bsky.feed.getFeed?aud=did:web:example.com%23svc",
    "transition:generic",
    "transition:email",
    INCLUDE,
    f"repo:{EVENT}",
    f"repo:{NOTE}",
    "include:com.example.other.auth",
    "nonsense",
)
texts = st.lists(st.sampled_from(TOKENS), max_size=6).map(" ".join)
agreements = st.lists(st.sampled_from(TOKENS), max_size=6).map(
    lambda tokens: str(ScopeSet.parse(" ".join(["atproto", *tokens])))
)
contents = st.sampled_from([[EVENT], [NOTE], [EVENT, NOTE], None])
Refreshes = list[tuple[list[str] | None, str | None]]
steps = st.lists(st.tuples(contents, st.one_of(st.none(), texts)), max_size=12)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(agreed=agreements, refreshes=steps)
def test_no_sequence_of_refreshes_ever_widens_what_was_agreed_to(
    services: Services, alice: Person, agreed: str, refreshes: Refreshes
) -> None:
    """Whatever sets come to hold, go out of reach and come back, whatever is asked in between."""
    other = {"com.example.other.auth": ["com.example.other.thing"]}
    sets = FakeSets({SET: [EVENT, NOTE], **other})
    scopes = GrantScopes(sets)
    limit = expand(ScopeSet.parse(agreed), sets.of(ScopeSet.parse(agreed)))
    grant = grant_row(services, alice, requested_scope=agreed, scope=scopes.at_issue(agreed))
    assert ScopeSet.parse(grant.scope) == limit

    for content, wanted in refreshes:
        sets.collections = {} if content is None else {SET: content, **other}
        try:
            reply = scopes.at_refresh(grant, wanted)
        except OAuthError:
            continue
        permitted = ScopeSet.parse(reply)
        assert limit.covers(permitted)
        assert permitted.is_atproto
        assert not permitted.includes
        if wanted is not None and not ScopeSet.parse(wanted).includes:
            assert permitted == ScopeSet.parse(wanted)
        grant = dataclasses.replace(grant, scope=reply)
