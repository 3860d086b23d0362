"""admin.disableInviteCodes: by name and by owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import InvalidInviteCodeError, InvalidRequestError
from pds.storage.database import rows
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.factories import ADMIN, Person, ask, make_account, make_code

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.disableInviteCodes"


def open_codes() -> set[str]:
    return {code for (code,) in rows("SELECT code FROM invite_code WHERE NOT disabled")}


def test_codes_are_closed_by_name_and_by_owner(services: Services, alice: Person) -> None:
    closed, kept = make_code(services), make_code(services)
    services.invites.create(1, [alice.did], code_count=2)

    given = {"codes": [closed, "unknown"], "accounts": [alice.did, "did:plc:unknown"]}
    assert ask(services, NSID, ADMIN, input=given) is None

    assert open_codes() == {kept}
    with pytest.raises(InvalidInviteCodeError):
        make_account(services, "bob", invite_code=closed)
    make_account(services, "bob", invite_code=kept)


def test_nothing_named_is_nothing_done(services: Services) -> None:
    code = make_code(services)

    ask(services, NSID, ADMIN, input={})

    assert open_codes() == {code}


def test_all_codes_of_the_admin_cannot_be_closed_at_once(services: Services) -> None:
    code = make_code(services)

    with pytest.raises(InvalidRequestError, match="name the codes"):
        ask(services, NSID, ADMIN, input={"codes": [code], "accounts": ["admin"]})
    assert open_codes() == {code}


def test_only_moderators_may() -> None:
    assert load_methods()[NSID].auth is Auths.MODERATOR
