"""Codes: good once, for whoever began, as long as they last; and what they become."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pds.oauth_errors import (
    InvalidAccessTokenError,
    InvalidClientError,
    InvalidGrantError,
    TemporarilyUnavailableError,
    UnauthorizedClientError,
)
from pds.services.oauth import code_exchange
from pds.services.oauth.code_exchange import PresentedCode
from pds.services.oauth.grants import Grants
from pds.services.oauth.refresh_tokens import hash_of
from pds.storage import browsers, database, oauth_grants, oauth_requests, oauth_seen
from pds.storage.browsers import BrowserAccountRow, BrowserRow
from pds.storage.database import transaction
from tests.factories import Person, StillClock, race, take_down
from tests.grant_tools import CLIENT_ID, JKT, SCOPE
from tests.token_tools import (
    KEY_1,
    KEY_2,
    PUBLIC,
    SET,
    FakeSets,
    app,
    build_grants,
    issue_code,
    sign_in_app,
)

if TYPE_CHECKING:
    from pds.services import Services

OTHER_CLIENT = "https://other.example.org/client.json"
DAY_S = 86_400
BROWSER = "a browser"


@pytest.fixture
def grants(services: Services) -> Grants:
    return build_grants(services)


def grants_of(person: Person) -> list[oauth_grants.GrantRow]:
    return oauth_grants.list_for_account(person.row.id, 1_000)


def open_codes() -> int:
    return oauth_requests.count()


def sign_in_browser(person: Person) -> None:
    with transaction():
        browsers.insert(BrowserRow(BROWSER, "hash", None, 0, None, None, 0, 0))
        browsers.save_sign_in(BrowserAccountRow(BROWSER, person.row.id, 0, True, None))


def signed_in() -> list[int]:
    return [found.account_id for found in browsers.list_signed_in(BROWSER)]


# --- what comes of a code ------------------------------------------------------------------------


def test_a_code_becomes_a_grant(services: Services, alice: Person, grants: Grants) -> None:
    sign_in_browser(alice)
    presented = issue_code(services, alice, browser_id=BROWSER)

    reply = grants.exchange(app(), presented)

    now_us = services.clock()
    [grant] = grants_of(alice)
    assert (reply.did, reply.scope, reply.expires_in_s) == (alice.did, SCOPE, 1_800)
    assert grants.verify_access(reply.access_token, JKT).grant_id == grant.id
    assert (grant.client_id, grant.client_name) == (CLIENT_ID, app().client.name)
    assert grant.requested_scope == SCOPE
    assert grant.browser_id == BROWSER
    assert grant.expires_at_us == grant.refresh_expires_at_us == now_us + 14 * DAY_S * 1_000_000
    assert open_codes() == 0


def test_grants_of_confidential_clients_last_longer(
    services: Services, alice: Person, grants: Grants
) -> None:
    sign_in_app(services, alice, grants, auth=KEY_1)

    [grant] = grants_of(alice)
    assert grant.refresh_expires_at_us is not None
    assert (grant.expires_at_us - services.clock()) / 1e6 == 2 * 365.25 * DAY_S
    assert (grant.refresh_expires_at_us - services.clock()) / 1e6 == 365.25 / 4 * DAY_S
    assert grant.client_auth == KEY_1.to_json()


def test_a_client_that_does_not_refresh_gets_half_an_hour(
    services: Services, alice: Person, grants: Grants
) -> None:
    client = app(grant_types=("authorization_code",))

    reply = grants.exchange(client, issue_code(services, alice))

    [grant] = grants_of(alice)
    assert reply.refresh_token is None
    assert grant.expires_at_us == services.clock() + 1_800_000_000


def test_permission_sets_are_replaced_by_what_is_in_them(services: Services, alice: Person) -> None:
    grants = build_grants(services, FakeSets({SET: ["com.example.calendar.event"]}))

    reply = sign_in_app(services, alice, grants, f"atproto include:{SET}")

    [grant] = grants_of(alice)
    assert reply.scope == grant.scope == "atproto repo:com.example.calendar.event"
    assert grant.requested_scope == f"atproto include:{SET}"


def test_a_set_that_is_out_of_reach_leaves_the_code_good(services: Services, alice: Person) -> None:
    sets = FakeSets()
    grants = build_grants(services, sets)
    presented = issue_code(services, alice, scope=f"atproto include:{SET}")

    with pytest.raises(TemporarilyUnavailableError):
        grants.exchange(app(assertion="1"), presented)
    sets.collections[SET] = ["com.example.calendar.event"]
    assert grants.exchange(app(assertion="1"), presented).scope.endswith("calendar.event")


def test_a_browser_that_was_forgotten_meanwhile_does_not_matter(
    services: Services, alice: Person, grants: Grants
) -> None:
    grants.exchange(app(), issue_code(services, alice, browser_id="gone"))

    assert grants_of(alice)[0].browser_id is None


# --- what is refused -----------------------------------------------------------------------------


def another(**changes: Any) -> Callable[[PresentedCode], PresentedCode]:
    return lambda presented: dataclasses.replace(presented, **changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (another(jkt="another"), "DPoP"),
        (another(jkt=""), "DPoP"),
        (another(redirect_uri="https://app.example.org/callback/"), "redirect_uri"),
        (another(redirect_uri=""), "redirect_uri"),
        (another(code_verifier="x" * 43), "code_verifier"),
        (another(code_verifier="x"), "code_verifier"),
        (another(code_verifier=""), "code_verifier"),
    ],
)
def test_whatever_does_not_belong_to_a_code_burns_it(
    services: Services, alice: Person, grants: Grants, change: Any, reason: str
) -> None:
    presented = issue_code(services, alice)

    with pytest.raises(InvalidGrantError, match=reason):
        grants.exchange(app(), change(presented))
    with pytest.raises(InvalidGrantError, match="no such code"):
        grants.exchange(app(), presented)
    assert grants_of(alice) == []


@pytest.mark.parametrize(
    ("pushed", "shown"),
    [
        (PUBLIC, app(client_id=OTHER_CLIENT)),
        (KEY_1, app(KEY_2)),
        (KEY_1, app(PUBLIC)),
        (PUBLIC, app(KEY_1)),
        (KEY_1, app(dataclasses.replace(KEY_1, alg="ES384"))),
    ],
)
def test_another_client_than_the_one_that_began_burns_it(
    services: Services, alice: Person, grants: Grants, pushed: Any, shown: Any
) -> None:
    presented = issue_code(services, alice, auth=pushed)

    with pytest.raises(InvalidGrantError):
        grants.exchange(shown, presented)
    assert open_codes() == 0
    assert grants_of(alice) == []


def test_a_code_lasts_five_minutes(
    services: Services, alice: Person, grants: Grants, clock: StillClock
) -> None:
    early, late = issue_code(services, alice), issue_code(services, alice)
    clock.advance(299.999)
    grants.exchange(app(), early)
    clock.advance(0.001)

    with pytest.raises(InvalidGrantError, match="expired"):
        grants.exchange(app(), late)
    assert open_codes() == 0


@pytest.mark.parametrize("state", ["taken down", "deactivated"])
def test_an_account_that_is_not_active_gets_no_grant(
    services: Services, alice: Person, grants: Grants, state: str
) -> None:
    presented = issue_code(services, alice)
    if state == "taken down":
        take_down(alice)
    else:
        services.accounts.deactivate(alice.did)

    with pytest.raises(InvalidGrantError, match="not active"):
        grants.exchange(app(), presented)
    assert grants_of(alice) == []


def test_a_code_of_a_deleted_account_is_unknown(
    services: Services, alice: Person, grants: Grants
) -> None:
    presented = issue_code(services, alice)
    services.accounts.delete(alice.did)

    with pytest.raises(InvalidGrantError, match="no such code"):
        grants.exchange(app(), presented)


def test_the_client_must_say_that_it_uses_codes(
    services: Services, alice: Person, grants: Grants
) -> None:
    with pytest.raises(UnauthorizedClientError):
        grants.exchange(app(grant_types=()), issue_code(services, alice))
    assert open_codes() == 1


def test_an_assertion_is_good_once(services: Services, alice: Person, grants: Grants) -> None:
    grants.exchange(app(KEY_1, assertion="1"), issue_code(services, alice, auth=KEY_1))
    presented = issue_code(services, alice, auth=KEY_1)

    with pytest.raises(InvalidClientError):
        grants.exchange(app(KEY_1, assertion="1"), presented)
    assert grants.exchange(app(KEY_1, assertion="2"), presented).did == alice.did


def test_a_challenge_is_good_once_in_a_day(
    services: Services, alice: Person, grants: Grants, clock: StillClock
) -> None:
    first = issue_code(services, alice)
    request = oauth_requests.find_by_code(hash_of(first.code))
    assert request is not None
    again = [issue_code(services, alice, parameters=request.parameters) for _ in range(3)]
    grants.exchange(app(), first)

    def later(seconds: float) -> None:
        """The codes would have lapsed, too."""
        clock.advance(seconds)
        with transaction():
            oauth_seen.delete_expired(clock())
            database.execute("UPDATE oauth_request SET expires_at_us = ?", (clock() + 1,))

    for presented, seconds in zip(again[:2], (0, 26.4 * 3_600 - 1), strict=True):
        later(seconds)
        with pytest.raises(InvalidGrantError, match="code_challenge"):
            grants.exchange(app(), dataclasses.replace(first, code=presented.code))
    later(1)
    reply = grants.exchange(app(), dataclasses.replace(first, code=again[2].code))
    assert reply.did == alice.did


# --- what is tried twice -------------------------------------------------------------------------


def test_a_code_that_is_used_twice_ends_what_came_of_it(
    services: Services, alice: Person, bob: Person, grants: Grants
) -> None:
    sign_in_browser(alice)
    with transaction():
        browsers.save_sign_in(BrowserAccountRow(BROWSER, bob.row.id, 0, True, None))
    presented = issue_code(services, alice, browser_id=BROWSER)
    reply = grants.exchange(app(), presented)
    other = sign_in_app(services, alice, grants)

    with pytest.raises(InvalidGrantError, match="used before"):
        grants.exchange(app(client_id=OTHER_CLIENT), another(jkt="x")(presented))

    with pytest.raises(InvalidAccessTokenError):
        grants.verify_access(reply.access_token, JKT)
    assert grants.verify_access(other.access_token, JKT).did == alice.did
    assert signed_in() == [bob.row.id]


def test_a_browser_in_which_nobody_is_left_is_forgotten(
    services: Services, alice: Person, grants: Grants
) -> None:
    sign_in_browser(alice)
    presented = issue_code(services, alice, browser_id=BROWSER)
    for _ in range(2):
        try:
            grants.exchange(app(), presented)
        except InvalidGrantError:
            assert browsers.find(BROWSER) is None
            return
    pytest.fail("the code was taken twice")


def test_of_many_at_once_one_at_most_gets_tokens(
    services: Services, alice: Person, grants: Grants
) -> None:
    presented = issue_code(services, alice)

    outcomes = race([lambda: grants.exchange(app(), presented)] * 8)

    assert sum(isinstance(outcome, InvalidGrantError) for outcome in outcomes) == 7
    assert grants_of(alice) == []  # seven were replays


# --- how many ------------------------------------------------------------------------------------


def test_the_grants_not_used_for_longest_make_room(
    services: Services,
    alice: Person,
    bob: Person,
    grants: Grants,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(code_exchange, "MAX_PER_CLIENT", 3)
    monkeypatch.setattr(code_exchange, "MAX_PER_ACCOUNT", 4)
    sign_in_app(services, bob, grants)
    replies = []
    for _ in range(3):
        replies.append(sign_in_app(services, alice, grants))
        clock.advance(400)
    grants.verify_access(replies[0].access_token, JKT)  # the oldest, but used last
    replies.append(sign_in_app(services, alice, grants))

    kept = {grant.token_id for grant in grants_of(alice)}
    assert len(kept) == 3
    with pytest.raises(InvalidAccessTokenError):
        grants.verify_access(replies[1].access_token, JKT)
    grants.verify_access(replies[3].access_token, JKT)

    for number in range(3):
        other = f"https://{number}.example.org/client.json"
        presented = issue_code(services, alice, client_id=other)
        grants.exchange(app(client_id=other), presented)
    assert len(grants_of(alice)) == 4
    assert len(grants_of(bob)) == 1
