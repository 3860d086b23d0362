"""Switching accounts on and off, and what the network hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.errors import (
    AccountNotFoundError,
    AccountTakedownError,
    IncompatibleDidDocError,
    UnresolvableDidError,
)
from pds.services.record_writes import Write
from pds.storage import events
from tests.factories import (
    Person,
    StillClock,
    dump_tables,
    end_did,
    make_account,
    make_newcomer,
    race,
    read_events,
    take_down,
)
from tests.firehose_consumer import Consumer, RepoState
from tests.foreign_repo import ForeignRepo, simple_records

if TYPE_CHECKING:
    from pds.services import Services

UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
POST = {"$type": "app.bsky.feed.post", "text": "hi", "createdAt": "2026-01-01T00:00:00.000Z"}


# --- deactivating --------------------------------------------------------------------------------


def test_deactivated_account_is_announced_as_such(
    services: Services, alice: Person, clock: StillClock
) -> None:
    seen = events.last_seq()
    head = services.repos.get_head(alice.row.id)
    clock.advance(60)

    services.accounts.deactivate(alice.did, "2027-01-01T00:00:00.000Z")

    row = alice.row
    assert row.status == "deactivated"
    assert row.deactivated_at is not None
    assert row.deactivated_at > row.created_at
    assert row.delete_after == "2027-01-01T00:00:00.000Z"
    [(kind, payload)] = read_events(seen)
    assert (kind, payload["did"]) == ("#account", alice.did)
    assert (payload["active"], payload["status"]) == (False, "deactivated")
    assert services.repos.get_head(row.id) == head


def test_deactivating_again_only_changes_the_deletion_date(
    services: Services, alice: Person, clock: StillClock
) -> None:
    services.accounts.deactivate(alice.did, "2027-01-01T00:00:00.000Z")
    since, seen = alice.row.deactivated_at, events.last_seq()
    clock.advance(60)

    services.accounts.deactivate(alice.did, None)

    assert (alice.row.deactivated_at, alice.row.delete_after) == (since, None)
    assert read_events(seen) == []


def test_taken_down_account_stays_taken_down_to_the_network(
    services: Services, alice: Person
) -> None:
    take_down(alice)
    seen = events.last_seq()

    services.accounts.deactivate(alice.did)

    assert alice.row.deactivated_at is not None
    [(_, payload)] = read_events(seen)
    assert (payload["active"], payload["status"]) == (False, "takendown")


def test_sessions_outlive_deactivation(services: Services, alice: Person) -> None:
    before = dump_tables("refresh_token")
    services.accounts.deactivate(alice.did)

    assert dump_tables("refresh_token") == before


# --- activating ----------------------------------------------------------------------------------


def test_activation_brings_a_new_head_and_three_events(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    old_head, seen = services.repos.get_head(alice.row.id), events.last_seq()

    services.accounts.activate(alice.did)

    head = services.repos.get_head(alice.row.id)
    assert (alice.row.is_active, alice.row.delete_after) == (True, None)
    assert (head.data, head.rev > old_head.rev) == (old_head.data, True)
    announced = read_events(seen)
    assert [kind for kind, _ in announced] == ["#account", "#identity", "#sync"]
    account, identity, sync = (payload for _, payload in announced)
    assert (account["active"], account.get("status")) == (True, None)
    assert identity["handle"] == "alice.test"
    assert sync["rev"] == head.rev
    assert [payload["seq"] - seen for _, payload in announced] == [1, 2, 3]


def test_strict_consumer_follows_through_a_pause(services: Services, alice: Person) -> None:
    services.repos.apply_writes(
        alice.row, [Write("create", "app.bsky.feed.post", "3jzfcijpj2z2a", POST)]
    )
    services.accounts.deactivate(alice.did)
    services.accounts.activate(alice.did)
    services.repos.apply_writes(alice.row, [Write("delete", "app.bsky.feed.post", "3jzfcijpj2z2a")])

    consumer = Consumer(services.identity.did_document)
    for _, frame in events.frames_between(0, events.last_seq(), 1_000_000):
        consumer.accept(frame)

    assert consumer.repos[alice.did].records == {}
    assert consumer.repos[alice.did].rev == services.repos.get_head(alice.row.id).rev


def test_activating_an_active_account_does_nothing(services: Services, alice: Person) -> None:
    before = dump_tables()
    services.accounts.activate(alice.did)

    assert dump_tables() == before


def test_concurrent_activations_announce_once(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    seen = events.last_seq()

    assert race([lambda: services.accounts.activate(alice.did)] * 4) == [None] * 4
    assert [kind for kind, _ in read_events(seen)] == ["#account", "#identity", "#sync"]


def test_taken_down_account_cannot_activate_itself(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    take_down(alice)
    before = dump_tables()

    with pytest.raises(AccountTakedownError):
        services.accounts.activate(alice.did)
    assert dump_tables() == before


@pytest.mark.parametrize("action", ["activate", "deactivate", "check_status"])
def test_unknown_account_is_not_found(services: Services, alice: Person, action: str) -> None:
    before = dump_tables()

    with pytest.raises(AccountNotFoundError):
        getattr(services.accounts, action)(UNKNOWN)
    assert dump_tables() == before


def test_account_whose_document_points_elsewhere_is_not_activated(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    before = dump_tables()

    with pytest.raises(IncompatibleDidDocError):
        services.accounts.activate(newcomer.did)
    assert dump_tables() == before


def test_account_without_a_document_is_not_activated(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    end_did(services.identity, alice.did)
    before = dump_tables()

    with pytest.raises((UnresolvableDidError, IncompatibleDidDocError)):
        services.accounts.activate(alice.did)
    assert dump_tables() == before


def test_move_ends_with_an_activation_the_network_can_verify(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    account = services.accounts.get_account(newcomer.did)
    repo = ForeignRepo(newcomer.did, newcomer.key, simple_records(20))
    services.repo_import.import_repo(account, repo.stream())
    assert not services.accounts.check_status(newcomer.did).valid_did
    newcomer.point_here(services)
    assert services.accounts.check_status(newcomer.did).valid_did

    services.accounts.activate(newcomer.did)
    services.repos.apply_writes(
        services.accounts.get_account(newcomer.did),
        [Write("create", "app.bsky.feed.post", "3jzfcijpj2z2a", POST)],
    )

    assert services.accounts.check_status(newcomer.did).activated
    # Somebody who has followed the repo on its old server, and knows nothing of what went on here.
    consumer = Consumer(lambda did: services.identity.did_document(did, force=True))
    records = {path: cid_for_cbor(block) for path, block in repo.records.items()}
    consumer.repos[newcomer.did] = RepoState(repo.rev, repo.nodes()[0], records)
    for _, frame in events.frames_between(0, events.last_seq(), 1_000_000):
        consumer.accept(frame)
    assert consumer.counts == {"#account": 1, "#identity": 1, "#sync": 1, "#commit": 1}
    assert consumer.repos[newcomer.did].rev == services.repos.get_head(account.id).rev


# --- checking ------------------------------------------------------------------------------------


def test_check_counts_what_is_here(services: Services, alice: Person) -> None:
    make_account(services, "bob")
    services.repos.apply_writes(
        alice.row, [Write("create", "app.bsky.feed.post", "3jzfcijpj2z2a", POST)]
    )
    services.preferences.put(alice.row, [{"$type": "app.bsky.x"}] * 2, full_access=True)

    check = services.accounts.check_status(alice.did)

    head = services.repos.get_head(alice.row.id)
    assert (check.repo.head, check.repo.rev) == (head.commit, head.rev)
    assert (check.activated, check.valid_did) == (True, True)
    assert (check.repo_blocks, check.indexed_records) == (3, 1)
    assert (check.expected_blobs, check.imported_blobs, check.preferences) == (0, 0, 2)


def test_check_of_an_inactive_account_says_so(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    assert not services.accounts.check_status(alice.did).activated

    services.accounts.activate(alice.did)
    take_down(alice)
    assert not services.accounts.check_status(alice.did).activated


def test_check_changes_nothing(services: Services, alice: Person) -> None:
    before = dump_tables()
    services.accounts.check_status(alice.did)

    assert dump_tables() == before
