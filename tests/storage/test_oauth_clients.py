"""What members have agreed to is found again, and replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.storage import oauth_clients
from pds.storage.database import transaction
from tests.factories import Person

if TYPE_CHECKING:
    from pds.services import Services


def test_last_agreement_counts(services: Services, alice: Person, bob: Person) -> None:
    with transaction():
        oauth_clients.save(alice.row.id, "https://a", "atproto", 1)
        oauth_clients.save(alice.row.id, "https://b", "atproto account:email", 1)
        oauth_clients.save(alice.row.id, "https://a", "atproto identity:*", 2)

    assert oauth_clients.find(alice.row.id, "https://a") == "atproto identity:*"
    assert oauth_clients.find(alice.row.id, "https://b") == "atproto account:email"
    assert oauth_clients.find(bob.row.id, "https://a") is None
