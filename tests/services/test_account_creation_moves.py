"""Moving in with a DID: silent and deactivated at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import AlreadyExistsError, InvalidInviteCodeError, InvalidRequestError
from pds.storage import accounts, repo_roots
from pds.storage.database import rows
from tests.factories import (
    dump_tables,
    invite_only_creation,
    make_account,
    make_code,
    make_newcomer,
    new_account,
    read_events,
)

if TYPE_CHECKING:
    from pds.services import Services


def test_account_that_moves_in_is_silent_and_deactivated(services: Services) -> None:
    newcomer = make_newcomer(services)
    log_before = rows("SELECT * FROM plc_operation")

    created = services.accounts.create(newcomer.wants())

    assert created.did == newcomer.did
    assert created.did_document == services.identity.did_document(newcomer.did)
    row = accounts.find_by_did(newcomer.did)
    assert row is not None
    assert (row.handle, row.status, row.delete_after) == ("carol.test", "deactivated", None)
    assert read_events() == []
    assert rows("SELECT * FROM plc_operation") == log_before
    assert services.repos.counts(row.id) == (2, 0)
    assert repo_roots.find_head(row.id) is not None
    assert services.sessions.verify_access(created.tokens.access_jwt).did == newcomer.did
    assert services.sessions.login(newcomer.did, "password of carol").account == row


def test_account_that_moves_in_needs_and_spends_an_invite(services: Services) -> None:
    newcomer, creation, code = (
        make_newcomer(services),
        invite_only_creation(services),
        make_code(services),
    )
    with pytest.raises(InvalidInviteCodeError):
        creation.create(newcomer.wants())

    creation.create(newcomer.wants(invite_code=code))

    assert rows("SELECT used_by FROM invite_code_use") == [(newcomer.did,)]


def test_account_that_moves_in_signs_with_the_key_reserved_for_it(services: Services) -> None:
    newcomer, other = make_newcomer(services), make_newcomer(services, "other.old.test")
    promised = services.reserved_keys.reserve(newcomer.did)
    services.reserved_keys.reserve(other.did)

    services.accounts.create(newcomer.wants())

    recommended = services.plc_operations.recommended(newcomer.did)
    assert recommended["verificationMethods"] == {"atproto": promised}
    assert rows("SELECT did FROM reserved_key") == [(other.did,)]
    newcomer.point_here(services)
    services.accounts.activate(newcomer.did)
    assert services.accounts.get_account(newcomer.did).is_active


def test_refused_move_keeps_the_reserved_key(services: Services) -> None:
    newcomer, bob = make_newcomer(services), make_account(services, "bob")
    promised = services.reserved_keys.reserve(newcomer.did)

    with pytest.raises(InvalidRequestError):
        services.accounts.create(newcomer.wants(email=bob.email))

    assert services.reserved_keys.reserve(newcomer.did) == promised


@pytest.mark.parametrize("again", ["moved in", "born here"])
def test_did_that_is_hosted_here_cannot_come_again(services: Services, again: str) -> None:
    if again == "moved in":
        did = services.accounts.create(make_newcomer(services).wants()).did
    else:
        did = make_account(services, "carol").did
    before = dump_tables()

    with pytest.raises(AlreadyExistsError):
        services.accounts.create(new_account("other", did=did, issuer=did))
    assert dump_tables() == before
