"""What has lapsed is forgotten, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.services.oauth.expiry import Expired
from pds.storage import oauth_grants, oauth_requests, oauth_seen
from pds.storage.database import transaction
from tests.factories import Person, StillClock
from tests.grant_tools import make_grant
from tests.token_tools import issue_code

if TYPE_CHECKING:
    from pds.services import Services


def test_requests_are_kept_for_ten_minutes_more(
    services: Services, alice: Person, clock: StillClock
) -> None:
    issue_code(services, alice)
    clock.advance(300 + 600 - 0.001)
    assert services.oauth.expiry.run() == Expired(0, 0, 0)
    clock.advance(0.001)
    assert services.oauth.expiry.run() == Expired(1, 0, 0)
    assert oauth_requests.count() == 0


def test_what_was_used_once_is_remembered_as_long_as_it_counts(
    services: Services, clock: StillClock
) -> None:
    with transaction():
        oauth_seen.add("a kind", "a key", expires_at_us=clock() + 10, now_us=clock())
    assert services.oauth.expiry.run().seen == 0
    clock.now_us += 10
    assert services.oauth.expiry.run().seen == 1


def test_grants_end_with_their_time(services: Services, alice: Person, clock: StillClock) -> None:
    now_us = clock()
    ended, _ = make_grant(services, alice, expires_at_us=now_us)
    idle, _ = make_grant(services, alice, refresh_expires_at_us=now_us)
    once, _ = make_grant(
        services, alice, refresh_hash=None, refresh_expires_at_us=None, expires_at_us=now_us + 1
    )
    going_on, _ = make_grant(services, alice, access_expires_at_us=now_us)

    assert services.oauth.expiry.run().grants == 2
    kept = {grant.id for grant in oauth_grants.list_for_account(alice.row.id, 10)}
    assert kept == {once.id, going_on.id}
    assert not {ended.id, idle.id} & kept


def test_many_grants_go_in_slices(services: Services, alice: Person) -> None:
    for _ in range(35):
        make_grant(services, alice, expires_at_us=services.clock())

    assert services.oauth.expiry.run().grants == 35
