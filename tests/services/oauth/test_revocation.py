"""Clients end their grants with whatever they hold of them, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.oauth_errors import InvalidClientError, InvalidGrantError
from pds.services.oauth.grants import Grants
from pds.services.oauth.token_refresh import PresentedRefreshToken
from pds.storage import oauth_grants, oauth_requests
from tests.factories import Person, StillClock
from tests.grant_tools import JKT
from tests.token_tools import KEY_1, KEY_2, app, build_grants, issue_code, sign_in_app

if TYPE_CHECKING:
    from pds.services import Services

OTHER_CLIENT = "https://other.example.org/client.json"
KINDS = ("refresh", "used refresh", "access", "lapsed access", "id", "code")


@pytest.fixture
def grants(services: Services) -> Grants:
    return build_grants(services)


def count(person: Person) -> int:
    return len(oauth_grants.list_for_account(person.row.id, 10))


def token_of(
    services: Services, person: Person, grants: Grants, clock: StillClock, kind: str
) -> str:
    """Something a client holds of a grant of its own."""
    presented = issue_code(services, person)
    first = grants.exchange(app(), presented)
    assert first.refresh_token is not None
    if kind == "used refresh":
        for token in (first.refresh_token,):
            grants.refresh(app(), PresentedRefreshToken(token, JKT))
        clock.advance(3_600)
    elif kind == "lapsed access":
        clock.advance(3_600)
    [grant] = oauth_grants.list_for_account(person.row.id, 10)
    return {
        "refresh": first.refresh_token,
        "used refresh": first.refresh_token,
        "access": first.access_token,
        "lapsed access": first.access_token,
        "id": grant.token_id,
        "code": presented.code,
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_ends_its_grant(
    services: Services, alice: Person, bob: Person, grants: Grants, clock: StillClock, kind: str
) -> None:
    token = token_of(services, alice, grants, clock, kind)
    sign_in_app(services, bob, grants)

    grants.revoke(app(), token, JKT)
    assert count(alice) == 0
    assert count(bob) == 1

    grants.revoke(app(), token, JKT)  # once more does no harm


@pytest.mark.parametrize("kind", KINDS)
def test_others_end_nothing_and_are_not_told(
    services: Services, alice: Person, grants: Grants, clock: StillClock, kind: str
) -> None:
    token = token_of(services, alice, grants, clock, kind)

    grants.revoke(app(client_id=OTHER_CLIENT), token, JKT)
    grants.revoke(app(), token, "another key")
    assert count(alice) == 1


def test_a_code_that_is_not_used_yet_becomes_worthless(
    services: Services, alice: Person, grants: Grants
) -> None:
    presented = issue_code(services, alice)
    grants.revoke(app(client_id=OTHER_CLIENT), presented.code, JKT)
    grants.revoke(app(), presented.code, "another key")
    assert oauth_requests.count() == 1

    grants.revoke(app(), presented.code, JKT)

    assert oauth_requests.count() == 0
    with pytest.raises(InvalidGrantError):
        grants.exchange(app(), presented)


@pytest.mark.parametrize(
    "token", ["", "ref-", "tok-", "cod-", "ref-é", "tok-\ud800", "a.b.c", "x" * 60_000]
)
def test_nonsense_ends_nothing(
    services: Services, alice: Person, grants: Grants, token: str
) -> None:
    sign_in_app(services, alice, grants)

    grants.revoke(app(), token, JKT)
    assert count(alice) == 1


def test_a_client_may_sign_out_under_a_new_key_of_its_own(
    services: Services, alice: Person, grants: Grants
) -> None:
    first = sign_in_app(services, alice, grants, auth=KEY_1)

    grants.revoke(app(KEY_2), first.access_token, JKT)
    assert count(alice) == 0


def test_an_assertion_is_good_once(services: Services, alice: Person, grants: Grants) -> None:
    first = sign_in_app(services, alice, grants, auth=KEY_1)
    grants.revoke(app(KEY_1, assertion="1"), "nonsense", JKT)

    with pytest.raises(InvalidClientError):
        grants.revoke(app(KEY_1, assertion="1"), first.access_token, JKT)
    assert count(alice) == 1


def test_what_a_member_once_agreed_to_is_not_forgotten(
    services: Services, alice: Person, grants: Grants
) -> None:
    """A client that signs its user out may sign them in again without asking anew."""
    from tests.services.oauth.test_grants import approve, approved

    approve(alice)
    grants.revoke(app(), sign_in_app(services, alice, grants).access_token, JKT)

    assert approved(alice)
