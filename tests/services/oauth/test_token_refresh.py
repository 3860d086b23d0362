"""Refresh tokens: renewed at every use, given again for a minute, fatal when used after that."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.oauth_errors import (
    InvalidAccessTokenError,
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    OAuthError,
    UnauthorizedClientError,
)
from pds.services.oauth import token_refresh
from pds.services.oauth.client_credentials import AuthenticatedClient
from pds.services.oauth.grants import Grants
from pds.services.oauth.token_refresh import PresentedRefreshToken
from pds.services.oauth.token_reply import TokenReply
from pds.storage import database, oauth_grants
from pds.storage.oauth_grants import GrantRow
from tests.factories import Person, StillClock, make_config, race, take_down
from tests.grant_tools import JKT
from tests.token_tools import (
    KEY_1,
    KEY_2,
    PUBLIC,
    SET,
    FakeSets,
    app,
    build_grants,
    sign_in_app,
)

if TYPE_CHECKING:
    from pds.services import Services

OTHER_CLIENT = "https://other.example.org/client.json"
DAY_S = 86_400
WEEKS_S = 14 * DAY_S
MONTHS_S = 31_557_600 // 4
YEARS_S = 2 * 31_557_600


@pytest.fixture
def grants(services: Services) -> Grants:
    return build_grants(services)


@pytest.fixture
def first(services: Services, alice: Person, grants: Grants) -> TokenReply:
    return sign_in_app(services, alice, grants)


def refresh(
    grants: Grants,
    reply: TokenReply,
    client: AuthenticatedClient | None = None,
    *,
    jkt: str = JKT,
    scope: str | None = None,
) -> TokenReply:
    assert reply.refresh_token is not None
    presented = PresentedRefreshToken(reply.refresh_token, jkt, scope)
    return grants.refresh(client or app(), presented)


def the_grant(person: Person) -> GrantRow | None:
    found = oauth_grants.list_for_account(person.row.id, 10)
    assert len(found) < 2
    return found[0] if found else None


def used_tokens() -> int:
    [(number,)] = database.rows("SELECT count(*) FROM oauth_used_refresh_token")
    return int(number)


# --- rotation ------------------------------------------------------------------------------------


def test_both_tokens_are_replaced(
    alice: Person, grants: Grants, first: TokenReply, clock: StillClock
) -> None:
    before = the_grant(alice)
    clock.advance(1_000)

    second = refresh(grants, first)

    assert second.refresh_token != first.refresh_token
    assert (second.did, second.scope, second.expires_in_s) == (alice.did, first.scope, 1_800)
    access = grants.verify_access(second.access_token, JKT)
    with pytest.raises(InvalidAccessTokenError):
        grants.verify_access(first.access_token, JKT)
    after = the_grant(alice)
    assert before is not None
    assert after is not None
    assert access.grant_id == after.id == before.id
    assert after.refreshed_at_us == after.used_at_us == clock()
    assert after.created_at_us == before.created_at_us
    assert after.expires_at_us == before.expires_at_us


def test_a_chain_of_refreshes_goes_on(
    alice: Person, grants: Grants, first: TokenReply, clock: StillClock
) -> None:
    reply = first
    for number in range(1, 30):
        clock.advance(1_000)
        reply = refresh(grants, reply)
        grant = the_grant(alice)
        assert grant is not None
        assert grant.refresh_number == number
    assert used_tokens() == 29


# --- the grace -----------------------------------------------------------------------------------


def test_within_a_minute_the_last_token_gives_the_same_answer(
    alice: Person, grants: Grants, first: TokenReply, clock: StillClock
) -> None:
    second = refresh(grants, first)
    before = the_grant(alice)
    for _ in range(3):
        clock.advance(19.999)
        assert refresh(grants, first) == second

    assert the_grant(alice) == before
    assert used_tokens() == 1


def test_eight_at_once_get_the_same_answer(
    alice: Person, grants: Grants, first: TokenReply
) -> None:
    outcomes = race([lambda: refresh(grants, first)] * 8)

    assert len({outcome for outcome in outcomes if isinstance(outcome, TokenReply)}) == 1
    assert all(isinstance(outcome, TokenReply) for outcome in outcomes)
    grant = the_grant(alice)
    assert grant is not None
    assert grant.refresh_number == 1
    assert used_tokens() == 1


def test_after_a_minute_it_ends_the_grant(
    alice: Person, grants: Grants, first: TokenReply, clock: StillClock
) -> None:
    second = refresh(grants, first)
    clock.advance(60)

    with pytest.raises(InvalidGrantError, match="used before"):
        refresh(grants, first)
    assert the_grant(alice) is None
    assert used_tokens() == 0
    with pytest.raises(InvalidGrantError, match="no such token"):
        refresh(grants, second)
    with pytest.raises(InvalidAccessTokenError):
        grants.verify_access(second.access_token, JKT)


def test_once_its_successor_is_used_it_ends_the_grant(
    alice: Person, grants: Grants, first: TokenReply
) -> None:
    refresh(grants, refresh(grants, first))

    with pytest.raises(InvalidGrantError, match="used before"):
        refresh(grants, first)
    assert the_grant(alice) is None


@pytest.mark.parametrize("is_used", [False, True])
def test_another_key_ends_the_grant(
    alice: Person, grants: Grants, first: TokenReply, is_used: bool
) -> None:
    if is_used:
        refresh(grants, first)

    with pytest.raises(InvalidGrantError, match="another DPoP key"):
        refresh(grants, first, jkt="another")
    assert the_grant(alice) is None


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "shown", "error"),
    [
        (PUBLIC, app(client_id=OTHER_CLIENT), InvalidGrantError),
        (KEY_1, app(KEY_1, client_id=OTHER_CLIENT), InvalidGrantError),
        (KEY_1, app(KEY_2), InvalidGrantError),
        (KEY_1, app(dataclasses.replace(KEY_1, kid="other")), InvalidGrantError),
        (KEY_1, app(dataclasses.replace(KEY_1, alg="ES384")), InvalidGrantError),
        (KEY_1, app(dataclasses.replace(KEY_1, jkt="other")), InvalidGrantError),
        (KEY_1, app(PUBLIC), InvalidClientError),
        (PUBLIC, app(grant_types=("authorization_code",)), UnauthorizedClientError),
    ],
)
def test_a_wrong_client_gets_nothing_and_ends_nothing(
    services: Services, alice: Person, bound: Any, shown: Any, error: type[OAuthError]
) -> None:
    grants = build_grants(services)
    reply = sign_in_app(services, alice, grants, auth=bound)
    for _ in ("in use", "used"):
        before = the_grant(alice)
        with pytest.raises(error):
            refresh(grants, reply, shown)
        assert the_grant(alice) == before
        refresh(grants, reply, app(bound))


def test_a_public_client_may_become_confidential_and_not_go_back(
    services: Services, alice: Person, grants: Grants, clock: StillClock
) -> None:
    first = sign_in_app(services, alice, grants, auth=PUBLIC)
    began_us = clock()
    clock.advance(DAY_S)

    second = refresh(grants, first, app(KEY_1))

    grant = the_grant(alice)
    assert grant is not None
    assert grant.client_auth == KEY_1.to_json()
    assert grant.expires_at_us == began_us + YEARS_S * 1_000_000
    for back in (PUBLIC, KEY_2):
        with pytest.raises(OAuthError):
            refresh(grants, second, app(back))
    refresh(grants, second, app(KEY_1))


def test_an_assertion_is_good_once(services: Services, alice: Person, grants: Grants) -> None:
    first = sign_in_app(services, alice, grants, auth=KEY_1)
    second = refresh(grants, first, app(KEY_1, assertion="1"))

    with pytest.raises(InvalidClientError):
        refresh(grants, second, app(KEY_1, assertion="1"))
    refresh(grants, second, app(KEY_1, assertion="2"))


@pytest.mark.parametrize("token", ["", "ref-", "ref-" + "0" * 64, "é", "\ud800", "x" * 60_000])
def test_what_never_was_a_token_is_refused(grants: Grants, token: str) -> None:
    with pytest.raises(InvalidGrantError, match="no such token"):
        grants.refresh(app(), PresentedRefreshToken(token, JKT))


def test_no_other_secret_of_a_grant_is_taken_for_it(
    alice: Person, grants: Grants, first: TokenReply
) -> None:
    grant = the_grant(alice)
    assert grant is not None
    for token in (first.access_token, grant.token_id, grant.id, grant.refresh_hash or ""):
        with pytest.raises(InvalidGrantError, match="no such token"):
            grants.refresh(app(), PresentedRefreshToken(token, JKT))
    assert the_grant(alice) == grant


def test_a_new_secret_of_the_server_makes_all_tokens_worthless(
    services: Services, alice: Person, first: TokenReply, tmp_path: Path
) -> None:
    config = make_config(tmp_path, jwt_secret="another secret, as long as it must be")
    changed = dataclasses.replace(services, config=config)
    grants = build_grants(changed)

    with pytest.raises(InvalidGrantError, match="no such token"):
        refresh(grants, first)
    with pytest.raises(InvalidAccessTokenError):
        grants.verify_access(first.access_token, JKT)


# --- how long ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("auth", "idle_s"), [(PUBLIC, WEEKS_S), (KEY_1, MONTHS_S)])
def test_a_grant_ends_when_it_is_not_refreshed(
    services: Services,
    alice: Person,
    grants: Grants,
    clock: StillClock,
    auth: Any,
    idle_s: int,
) -> None:
    reply = sign_in_app(services, alice, grants, auth=auth)
    clock.advance(idle_s - 60)
    if auth is KEY_1:  # it goes on from here; a public one is at its end
        reply = refresh(grants, reply, app(auth))
        clock.advance(idle_s - 1)
        reply = refresh(grants, reply, app(auth))
        clock.advance(idle_s)
    else:
        reply = refresh(grants, reply, app(auth))
        clock.advance(60)

    with pytest.raises(InvalidGrantError, match="expired"):
        refresh(grants, reply, app(auth))
    assert the_grant(alice) is None


def test_a_grant_of_a_confidential_client_ends_after_two_years(
    services: Services, alice: Person, grants: Grants, clock: StillClock
) -> None:
    reply = sign_in_app(services, alice, grants, auth=KEY_1)
    for _ in range(730):
        clock.advance(DAY_S)
        reply = refresh(grants, reply, app(KEY_1))
    clock.advance(DAY_S / 2 - 600)
    reply = refresh(grants, reply, app(KEY_1))
    assert reply.expires_in_s == 600

    clock.advance(600)
    with pytest.raises(InvalidGrantError, match="expired"):
        refresh(grants, reply, app(KEY_1))
    assert the_grant(alice) is None


def test_the_last_tokens_end_with_the_grant(
    grants: Grants, first: TokenReply, clock: StillClock
) -> None:
    clock.advance(WEEKS_S - 90)

    last = refresh(grants, first)

    assert last.expires_in_s == 90
    clock.advance(90)
    with pytest.raises(InvalidAccessTokenError):
        grants.verify_access(last.access_token, JKT)


# --- whose ---------------------------------------------------------------------------------------


def test_a_deactivated_account_keeps_its_apps(
    services: Services, alice: Person, grants: Grants, first: TokenReply
) -> None:
    services.accounts.deactivate(alice.did)

    second = refresh(grants, first)
    assert grants.verify_access(second.access_token, JKT).is_deactivated


def test_an_account_that_is_taken_down_gets_no_tokens(
    alice: Person, grants: Grants, first: TokenReply
) -> None:
    take_down(alice)

    with pytest.raises(InvalidGrantError, match="not available"):
        refresh(grants, first)


def test_nothing_is_left_of_a_deleted_account(
    services: Services, alice: Person, grants: Grants, first: TokenReply
) -> None:
    refresh(grants, first)
    services.accounts.delete(alice.did)

    with pytest.raises(InvalidGrantError, match="no such token"):
        refresh(grants, first)
    assert used_tokens() == 0


# --- what for ------------------------------------------------------------------------------------


def test_a_client_may_do_with_less_for_a_time(
    services: Services, alice: Person, grants: Grants
) -> None:
    first = sign_in_app(services, alice, grants, "atproto blob:*/* repo:app.bsky.feed.post")

    second = refresh(grants, first, scope="atproto blob:image/png")
    assert second.scope == "atproto blob:image/png"
    assert str(grants.verify_access(second.access_token, JKT).scopes) == second.scope

    assert refresh(grants, second).scope == first.scope


def test_more_than_was_granted_is_refused_and_the_grant_goes_on(
    alice: Person, grants: Grants, first: TokenReply
) -> None:
    before = the_grant(alice)
    with pytest.raises(InvalidScopeError, match="identity"):
        refresh(grants, first, scope="atproto identity:*")

    assert the_grant(alice) == before
    refresh(grants, first)


def test_the_scope_of_a_client_that_has_no_grant_is_not_even_read(
    services: Services, alice: Person
) -> None:
    sets = FakeSets({SET: ["com.example.calendar.event"]})
    grants = build_grants(services, sets)
    first = sign_in_app(services, alice, grants, f"atproto include:{SET}")
    asked = sets.asked

    with pytest.raises(InvalidGrantError):
        refresh(grants, first, app(client_id=OTHER_CLIENT))
    second = refresh(grants, first)
    assert refresh(grants, first, scope="nonsense") == second
    assert sets.asked == asked + 1


# --- how many ------------------------------------------------------------------------------------


def test_only_the_last_used_tokens_are_remembered(
    alice: Person, grants: Grants, first: TokenReply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_refresh, "KEPT_USED", 5)
    replies = [first]
    for _ in range(12):
        replies.append(refresh(grants, replies[-1]))

    assert used_tokens() == 5
    with pytest.raises(InvalidGrantError, match="no such token"):
        refresh(grants, replies[6])
    assert the_grant(alice) is not None
    with pytest.raises(InvalidGrantError, match="used before"):
        refresh(grants, replies[7])
    assert the_grant(alice) is None


def test_tokens_do_not_get_into_logs_by_accident() -> None:
    assert "secret" not in repr(PresentedRefreshToken("secret", JKT))
