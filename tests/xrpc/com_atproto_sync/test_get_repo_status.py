"""getRepoStatus: public, whatever the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import RepoNotFoundError
from tests.factories import Person, take_down
from tests.sync_methods import get

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.getRepoStatus"


def test_active_account_shows_its_rev(services: Services, alice: Person) -> None:
    rev = services.repos.get_head(alice.row.id).rev

    assert get(services, NSID, did=alice.did) == {"did": alice.did, "active": True, "rev": rev}


def test_inactive_account_shows_why(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    inactive = {"did": alice.did, "active": False}
    assert get(services, NSID, did=alice.did) == {**inactive, "status": "deactivated"}

    take_down(alice)
    assert get(services, NSID, did=alice.did) == {**inactive, "status": "takendown"}


def test_unknown_account_is_not_found(services: Services) -> None:
    with pytest.raises(RepoNotFoundError):
        get(services, NSID, did="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
