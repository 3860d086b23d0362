"""admin.enableAccountInvites: the flag, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import NotFoundError
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import ADMIN, Person, ask

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.enableAccountInvites"


def test_flag_is_set_and_codes_stay(services: Services, alice: Person) -> None:
    services.invites.set_earning(alice.did, allowed=False)
    [(_, [code])] = services.invites.create(1, [alice.did])

    ask(services, NSID, ADMIN, input={"account": alice.did, "note": "because"})

    assert not alice.row.invites_disabled
    services.invites.check(code)


def test_unknown_account_is_refused(services: Services, alice: Person) -> None:
    before = alice.row

    with pytest.raises(NotFoundError):
        ask(services, NSID, ADMIN, input={"account": "did:plc:ewvi7nxzyoun6zhxrhs64oiz"})
    assert alice.row == before


def test_only_moderators_may() -> None:
    assert load_methods()[NSID].auth is Auths.MODERATOR
