"""Grants: what an access token is good for, and how members and operators end them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.oauth_errors import InvalidAccessTokenError
from pds.services.oauth.model import OAuthAccess
from pds.services.takedowns import AccountSubject, Takedown
from pds.storage import database, oauth_grants
from pds.storage.database import transaction
from tests.factories import Person, StillClock
from tests.grant_tools import CLIENT_ID, JKT, grant_row, make_grant, tokens_of

if TYPE_CHECKING:
    from pds.services import Services

OTHER_CLIENT = "https://other.example.org/client.json"
SCOPE = "atproto repo:app.bsky.feed.post"


def approve(person: Person, client_id: str = CLIENT_ID) -> None:
    with transaction():
        database.execute(
            "INSERT INTO oauth_client_approval VALUES (?, ?, 'atproto', 0)",
            (person.row.id, client_id),
        )


def approved(person: Person) -> set[str]:
    sql = "SELECT client_id FROM oauth_client_approval WHERE account_id = ?"
    return {client_id for (client_id,) in database.rows(sql, (person.row.id,))}


def agree(person: Person, request_id: str) -> None:
    """A code for a request has been issued, and is on its way to the client."""
    with transaction():
        database.execute(
            "INSERT INTO oauth_request (id, client_id, client_auth, parameters, dpop_jkt,"
            " created_at_us, expires_at_us, account_id, granted_scope, code_hash)"
            " VALUES (?, ?, '{}', '{}', ?, 0, 0, ?, 'atproto', ?)",
            (request_id, CLIENT_ID, JKT, person.row.id, f"hash of {request_id}"),
        )


def codes() -> list[str]:
    return [found for (found,) in database.rows("SELECT id FROM oauth_request ORDER BY id")]


# --- use -----------------------------------------------------------------------------------------


def test_an_access_token_says_who_may_do_what(services: Services, alice: Person) -> None:
    grant, tokens = make_grant(services, alice, scope=SCOPE)

    assert services.oauth.grants.verify_access(tokens.access_token, JKT) == OAuthAccess(
        did=alice.did,
        account_id=alice.row.id,
        grant_id=grant.id,
        client_id=CLIENT_ID,
        scopes=ScopeSet.parse(SCOPE),
        is_taken_down=False,
        is_deactivated=False,
    )


@pytest.mark.parametrize("jkt", ["", JKT[:-1], JKT.lower(), "é"])
def test_a_token_is_good_with_its_key_only(services: Services, alice: Person, jkt: str) -> None:
    grant, tokens = make_grant(services, alice)

    with pytest.raises(InvalidAccessTokenError, match="another key"):
        services.oauth.grants.verify_access(tokens.access_token, jkt)
    assert oauth_grants.find(grant.id) == grant


def test_a_token_lapses_after_half_an_hour(
    services: Services, alice: Person, clock: StillClock
) -> None:
    grant, tokens = make_grant(services, alice)
    clock.advance(1_799.999)
    services.oauth.grants.verify_access(tokens.access_token, JKT)
    clock.advance(0.001)

    with pytest.raises(InvalidAccessTokenError, match="expired"):
        services.oauth.grants.verify_access(tokens.access_token, JKT)
    assert oauth_grants.find(grant.id) is not None  # it can still be refreshed


def test_a_token_ends_with_its_grant(services: Services, alice: Person) -> None:
    grant, tokens = make_grant(services, alice)
    with transaction():
        oauth_grants.delete(grant.id)

    with pytest.raises(InvalidAccessTokenError, match="revoked"):
        services.oauth.grants.verify_access(tokens.access_token, JKT)


def test_a_token_of_a_grant_that_never_was_is_refused(services: Services, alice: Person) -> None:
    tokens = tokens_of(services, grant_row(services, alice), alice.did)

    with pytest.raises(InvalidAccessTokenError):
        services.oauth.grants.verify_access(tokens.access_token, JKT)


def test_deactivation_keeps_grants_and_is_told(services: Services, alice: Person) -> None:
    _, tokens = make_grant(services, alice)
    services.accounts.deactivate(alice.did)

    access = services.oauth.grants.verify_access(tokens.access_token, JKT)
    assert access.is_deactivated


# --- looking -------------------------------------------------------------------------------------


def test_members_see_what_they_have_allowed(
    services: Services, alice: Person, bob: Person, clock: StillClock
) -> None:
    older, _ = make_grant(services, alice, scope=SCOPE, requested_scope=f"{SCOPE} include:a.b.c")
    clock.advance(60)
    newer, _ = make_grant(services, alice, client_id=OTHER_CLIENT)
    make_grant(services, bob)

    shown = services.oauth.grants.list_for_account(alice.row.id)
    assert [grant.id for grant in shown] == [newer.id, older.id]
    assert shown[1].scope == ScopeSet.parse(SCOPE)
    assert [str(scope) for scope in shown[1].requested_scope.includes] == ["include:a.b.c"]
    assert (shown[1].client_id, shown[1].client_name) == (CLIENT_ID, "app.example.org")
    assert (shown[1].created_at_us, shown[1].expires_at_us) == (
        older.created_at_us,
        older.expires_at_us,
    )


@pytest.mark.parametrize("column", ["expires_at_us", "refresh_expires_at_us"])
def test_lapsed_grants_are_not_shown(services: Services, alice: Person, column: str) -> None:
    make_grant(services, alice, **{column: services.clock()})

    assert services.oauth.grants.list_for_account(alice.row.id) == []


def test_a_grant_without_refresh_token_is_shown_as_long_as_its_access_token_lasts(
    services: Services, alice: Person, clock: StillClock
) -> None:
    make_grant(services, alice, refresh_hash=None, refresh_expires_at_us=None)
    clock.advance(1_799)
    assert len(services.oauth.grants.list_for_account(alice.row.id)) == 1
    clock.advance(1)
    assert services.oauth.grants.list_for_account(alice.row.id) == []


# --- ending --------------------------------------------------------------------------------------


def test_a_member_ends_a_grant(services: Services, alice: Person) -> None:
    first, tokens = make_grant(services, alice)
    second, _ = make_grant(services, alice)
    approve(alice)
    approve(alice, OTHER_CLIENT)
    grants = services.oauth.grants

    assert grants.revoke_for_member(alice.row.id, first.id)
    with pytest.raises(InvalidAccessTokenError):
        grants.verify_access(tokens.access_token, JKT)
    assert approved(alice) == {CLIENT_ID, OTHER_CLIENT}  # the second goes on

    assert grants.revoke_for_member(alice.row.id, second.id)
    assert approved(alice) == {OTHER_CLIENT}
    assert not grants.revoke_for_member(alice.row.id, second.id)


def test_nobody_ends_another_members_grant(services: Services, alice: Person, bob: Person) -> None:
    grant, _ = make_grant(services, alice)
    approve(alice)

    assert not services.oauth.grants.revoke_for_member(bob.row.id, grant.id)
    assert oauth_grants.find(grant.id) == grant
    assert approved(alice) == {CLIENT_ID}


def test_all_grants_end_with_approvals_and_codes(
    services: Services, alice: Person, bob: Person
) -> None:
    for person in (alice, bob):
        make_grant(services, person)
        make_grant(services, person, client_id=OTHER_CLIENT)
        approve(person)
        agree(person, person.handle)

    with transaction():
        services.oauth.grants.end_all(alice.row.id)

    assert services.oauth.grants.list_for_account(alice.row.id) == []
    assert approved(alice) == set()
    assert len(services.oauth.grants.list_for_account(bob.row.id)) == 2
    assert approved(bob) == {CLIENT_ID}
    assert codes() == [bob.handle]


def test_one_grant_may_be_kept(services: Services, alice: Person) -> None:
    kept, _ = make_grant(services, alice)
    make_grant(services, alice, client_id=OTHER_CLIENT)
    approve(alice)
    approve(alice, OTHER_CLIENT)

    with transaction():
        services.oauth.grants.end_all(alice.row.id, keep=kept.id)

    assert [found.id for found in services.oauth.grants.list_for_account(alice.row.id)] == [kept.id]
    assert approved(alice) == {CLIENT_ID}


def test_all_of_an_account_end_at_once(services: Services, alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        make_grant(services, person)
        approve(person)

    with transaction():
        services.oauth.grants.end_all(alice.row.id)

    assert services.oauth.grants.list_for_account(alice.row.id) == []
    assert len(services.oauth.grants.list_for_account(bob.row.id)) == 1
    assert (approved(alice), approved(bob)) == (set(), {CLIENT_ID})


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
def test_only_a_grant_of_the_account_can_be_kept(
    services: Services, alice: Person, bob: Person, whose: str
) -> None:
    foreign, _ = make_grant(services, bob)
    make_grant(services, alice)
    approve(alice)

    with transaction():
        keep = foreign.id if whose == "another's" else "no such grant"
        services.oauth.grants.end_all(alice.row.id, keep=keep)

    assert services.oauth.grants.list_for_account(alice.row.id) == []
    assert approved(alice) == set()
    assert oauth_grants.find(foreign.id) == foreign


def test_a_takedown_ends_all_grants(services: Services, alice: Person, bob: Person) -> None:
    _, tokens = make_grant(services, alice)
    make_grant(services, bob)
    approve(alice)
    subject = AccountSubject(alice.did)

    services.takedowns.update(subject, Takedown(True), deactivated=None)
    services.takedowns.update(subject, Takedown(False), deactivated=None)

    with pytest.raises(InvalidAccessTokenError):
        services.oauth.grants.verify_access(tokens.access_token, JKT)
    assert approved(alice) == set()
    assert len(services.oauth.grants.list_for_account(bob.row.id)) == 1


def test_nothing_is_left_of_a_deleted_accounts_grants(services: Services, alice: Person) -> None:
    grant, tokens = make_grant(services, alice)
    approve(alice)

    services.accounts.delete(alice.did)

    with pytest.raises(InvalidAccessTokenError):
        services.oauth.grants.verify_access(tokens.access_token, JKT)
    assert oauth_grants.find(grant.id) is None


def test_what_is_stored_holds_no_token(services: Services, alice: Person) -> None:
    grant, tokens = make_grant(services, alice)

    stored = " ".join(str(value) for value in dataclasses.astuple(grant))
    assert tokens.refresh_token is not None
    assert tokens.refresh_token not in stored
    assert tokens.access_token not in stored
