"""listRepos: everybody here, the inactive too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import InvalidRequestError
from tests.factories import Person, make_account, take_down
from tests.sync_methods import get, write_notes

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.sync.listRepos"


def test_heads_and_statuses_are_today_s(services: Services, alice: Person, bob: Person) -> None:
    write_notes(services, alice, "a")
    carol = make_account(services, "carol")
    services.accounts.deactivate(bob.did)
    take_down(carol)

    repos = get(services, NSID)["repos"]

    head = services.repos.get_head(alice.row.id)
    assert repos[0] == {
        "did": alice.did,
        "head": str(head.commit),
        "rev": head.rev,
        "active": True,
    }
    assert [(repo["did"], repo["active"], repo.get("status")) for repo in repos[1:]] == [
        (bob.did, False, "deactivated"),
        (carol.did, False, "takendown"),
    ]


def test_pages_follow_each_other_in_order(services: Services, alice: Person, bob: Person) -> None:
    carol = make_account(services, "carol")

    first = get(services, NSID, limit="2")
    second = get(services, NSID, limit="2", cursor=first["cursor"])

    dids = [repo["did"] for repo in first["repos"] + second["repos"]]
    assert dids == [alice.did, bob.did, carol.did]
    assert "cursor" not in second


@pytest.mark.parametrize("cursor", ["nonsense", "-1", "1::did:plc:x", "9" * 30])
def test_foreign_cursor_is_refused(services: Services, cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="cursor"):
        get(services, NSID, cursor=cursor)
