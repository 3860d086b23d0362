"""checkAccountStatus: how far a move has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.services.session_scopes import Scope
from pds.xrpc.method import Caller
from tests.factories import Person, ask, make_newcomer

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.server.checkAccountStatus"


def test_new_account_is_complete(services: Services, alice: Person) -> None:
    head = services.repos.get_head(alice.row.id)

    assert ask(services, NSID, alice.caller) == {
        "activated": True,
        "validDid": True,
        "repoCommit": str(head.commit),
        "repoRev": head.rev,
        "repoBlocks": 2,
        "indexedRecords": 0,
        "privateStateValues": 0,
        "expectedBlobs": 0,
        "importedBlobs": 0,
    }


def test_move_in_progress_is_neither_active_nor_pointed_to(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    caller = Caller("user", newcomer.did, Scope.ACCESS)

    reply = ask(services, NSID, caller)
    assert (reply["activated"], reply["validDid"]) == (False, False)
    newcomer.point_here(services)
    reply = ask(services, NSID, caller)
    assert (reply["activated"], reply["validDid"]) == (False, True)
