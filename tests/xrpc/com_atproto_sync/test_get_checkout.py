"""getCheckout: what old clients ask for a whole repo with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person
from tests.sync_methods import car_of, check_availability, get, write_notes

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getCheckout"


def test_checkout_is_the_whole_repo(services: Services, alice: Person) -> None:
    write_notes(services, alice, "a", "b")

    checkout = car_of(get(services, NSID, did=alice.did))

    assert checkout == car_of(get(services, "com.atproto.sync.getRepo", did=alice.did))
    assert len(checkout[1]) == services.repos.counts(alice.row.id)[0]


def test_availability(services: Services, alice: Person, bob: Person) -> None:
    check_availability(services, NSID, alice, bob)
