"""Grants as rows: found by what clients hold, ended one by one or all together."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from pds.storage import database, oauth_grants
from pds.storage.database import transaction
from pds.storage.oauth_grants import GrantRow
from tests.factories import Person, take_down
from tests.grant_tools import grant_row, make_grant

if TYPE_CHECKING:
    from pds.services import Services


@pytest.fixture
def grant(services: Services, alice: Person) -> GrantRow:
    return make_grant(services, alice)[0]


def test_a_grant_is_found_by_each_of_its_names(grant: GrantRow) -> None:
    assert grant.refresh_hash is not None
    assert oauth_grants.find(grant.id) == grant
    assert oauth_grants.find_by_token(grant.token_id) == grant
    assert oauth_grants.find_by_code(grant.code_hash) == grant
    assert oauth_grants.find_by_refresh(grant.refresh_hash) == grant


def test_what_is_not_there_is_not_found(grant: GrantRow) -> None:
    other = grant.code_hash
    assert oauth_grants.find(other) is None
    assert oauth_grants.find_by_token(other) is None
    assert oauth_grants.find_by_code("x") is None
    assert oauth_grants.find_by_refresh(other) is None
    assert oauth_grants.find_used(other) is None
    assert oauth_grants.find_live(other) is None


def test_a_live_grant_comes_with_the_state_of_its_account(alice: Person, grant: GrantRow) -> None:
    live = oauth_grants.find_live(grant.token_id)
    assert live is not None
    assert (live.id, live.account_id, live.did) == (grant.id, alice.row.id, alice.did)
    assert (live.takedown_ref, live.deactivated_at) == (None, None)

    take_down(alice)
    live = oauth_grants.find_live(grant.token_id)
    assert live is not None
    assert live.takedown_ref == "ref"


def test_every_request_takes_one_query_by_index(grant: GrantRow) -> None:
    plan = database.rows(f"EXPLAIN QUERY PLAN {oauth_grants.LIVE}", (grant.token_id,))

    steps = [detail for *_, detail in plan]
    assert steps == [
        "SEARCH g USING INDEX oauth_grant_token (token_id=?)",
        "SEARCH a USING INTEGER PRIMARY KEY (rowid=?)",
    ]


def test_two_grants_never_share_a_token(services: Services, alice: Person, grant: GrantRow) -> None:
    for column in ("id", "token_id", "refresh_hash", "code_hash"):
        twin = dataclasses.replace(grant_row(services, alice), **{column: getattr(grant, column)})
        with pytest.raises(database.DatabaseError), transaction():
            oauth_grants.insert(twin)


def test_use_is_only_ever_moved_forward(grant: GrantRow) -> None:
    with transaction():
        oauth_grants.set_used(grant.id, grant.used_at_us + 5)
        oauth_grants.set_used(grant.id, grant.used_at_us + 3)

    found = oauth_grants.find(grant.id)
    assert found is not None
    assert found.used_at_us == grant.used_at_us + 5


def test_grants_are_listed_by_their_last_use(
    services: Services, alice: Person, bob: Person
) -> None:
    made = [make_grant(services, alice, used_at_us=time)[0] for time in (1, 3, 2)]
    make_grant(services, bob)

    assert oauth_grants.list_for_account(alice.row.id, 9) == [made[1], made[2], made[0]]
    assert oauth_grants.list_for_account(alice.row.id, 2) == [made[1], made[2]]


def test_ending_a_grant_ends_what_it_has_used_up(grant: GrantRow) -> None:
    with transaction():
        database.execute("INSERT INTO oauth_used_refresh_token VALUES ('h', ?, 0, 0)", (grant.id,))
    assert oauth_grants.find_used("h") is not None

    with transaction():
        assert oauth_grants.delete(grant.id)
        assert not oauth_grants.delete(grant.id)

    assert oauth_grants.find_used("h") is None


def test_all_grants_of_an_account_end_but_one(
    services: Services, alice: Person, bob: Person
) -> None:
    kept, _ = make_grant(services, alice)
    gone, _ = make_grant(services, alice)
    foreign, _ = make_grant(services, bob)

    with transaction():
        oauth_grants.delete_for_account(alice.row.id, keep=kept.id)

    assert oauth_grants.find(gone.id) is None
    assert oauth_grants.find(kept.id) == kept
    assert oauth_grants.find(foreign.id) == foreign
    assert oauth_grants.has_any(alice.row.id, kept.client_id)
    assert not oauth_grants.has_any(alice.row.id, "https://other.example.org/client.json")
