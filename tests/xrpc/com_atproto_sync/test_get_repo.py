"""getRepo: everything, or what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.xrpc.loading import load_methods
from tests.factories import Person
from tests.sync_methods import car_of, check_availability, get, write_notes

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getRepo"


def test_repo_begins_with_its_commit(services: Services, alice: Person) -> None:
    write_notes(services, alice, "a", "b")

    roots, blocks = car_of(get(services, NSID, did=alice.did))

    assert roots == [services.repos.get_head(alice.row.id).commit]
    assert next(iter(blocks)) == roots[0]
    assert len(blocks) == services.repos.counts(alice.row.id)[0]


def test_since_leaves_out_what_the_reader_has(services: Services, alice: Person) -> None:
    write_notes(services, alice, *(f"a{number}" for number in range(50)))
    rev = services.repos.get_head(alice.row.id).rev
    write_notes(services, alice, "b")

    _, whole = car_of(get(services, NSID, did=alice.did))
    _, new = car_of(get(services, NSID, did=alice.did, since=rev))

    assert set(new) < set(whole)
    assert len(new) < 12


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    check_availability(services, NSID, alice, bob)


def test_mirrors_do_not_spend_the_budget_of_all_methods() -> None:
    method = load_methods()[NSID]
    assert not method.counts_globally
    assert [(limit.points, limit.window_s) for limit in method.limits] == [(6000, 300)]
