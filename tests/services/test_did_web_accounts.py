"""A did:web moves in, lives here, changes its handle: its owner edits the document, not we."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pds.errors import (
    IncompatibleDidDocError,
    InvalidRequestError,
    ServiceTokenError,
    UnresolvableDidError,
)
from pds.storage import accounts
from tests.factories import CREATE_ACCOUNT, dump_tables, new_account, read_events
from tests.fakes.did_web import DidWeb, did_web

if TYPE_CHECKING:
    from pds.services import Services

RESERVE = "com.atproto.server.reserveSigningKey"


@pytest.fixture
def dora() -> Iterator[DidWeb]:
    with did_web() as owner:
        yield owner


def move_in(services: Services, dora: DidWeb) -> None:
    issuer = services.service_tokens.verify_user(
        dora.token(services, CREATE_ACCOUNT), CREATE_ACCOUNT
    )
    services.accounts.create(new_account("dora", did=dora.did, issuer=issuer))


def key_here(services: Services, dora: DidWeb) -> str:
    methods = services.plc_operations.recommended(dora.did)["verificationMethods"]
    return str(methods["atproto"])


def test_did_web_moves_in_and_activates(services: Services, dora: DidWeb) -> None:
    issuer = services.service_tokens.verify_user(dora.token(services, RESERVE), RESERVE)
    promised = services.reserved_keys.reserve(issuer)
    move_in(services, dora)
    assert key_here(services, dora) == promised
    assert read_events() == []
    with pytest.raises(IncompatibleDidDocError, match="endpoint"):
        services.accounts.activate(dora.did)

    url = services.config.public_url
    dora.publish(url, handle="dora.test")
    with pytest.raises(IncompatibleDidDocError, match="verification method"):
        services.accounts.activate(dora.did)

    dora.publish(url, handle="dora.test", signing_key=promised)
    services.accounts.activate(dora.did)

    assert services.accounts.get_account("dora.test").is_active
    assert [kind for kind, _ in read_events()] == ["#account", "#identity", "#sync"]
    found = services.identity_resolution.resolve("dora.test", force=True)
    assert (found.did, found.handle) == (dora.did, "dora.test")
    assert dump_tables("plc_operation") == {"plc_operation": []}


def test_did_web_without_a_document_cannot_move_in(services: Services, dora: DidWeb) -> None:
    dora.vanish()
    before = dump_tables()

    with pytest.raises(UnresolvableDidError):
        services.service_tokens.verify_user(dora.token(services, CREATE_ACCOUNT), CREATE_ACCOUNT)
    with pytest.raises(UnresolvableDidError):
        services.accounts.create(new_account("dora", did=dora.did, issuer=dora.did))
    assert dump_tables() == before


def test_did_web_of_another_key_cannot_move_in(services: Services, dora: DidWeb) -> None:
    dora.publish("https://old.example.com", signing_key=services.identity.server_rotation_key)

    with pytest.raises(ServiceTokenError, match="signature"):
        services.service_tokens.verify_user(dora.token(services, CREATE_ACCOUNT), CREATE_ACCOUNT)


def test_did_web_changes_its_handle_by_its_document(services: Services, dora: DidWeb) -> None:
    move_in(services, dora)
    before = dump_tables()
    with pytest.raises(IncompatibleDidDocError, match="DID is not properly configured for handle"):
        services.handle_changes.change(dora.did, "dora2.test")
    assert dump_tables() == before

    dora.publish(services.config.public_url, handle="dora2.test")
    services.handle_changes.change(dora.did, "dora2.test")

    account = accounts.find_by_did(dora.did)
    assert account is not None
    assert account.handle == "dora2.test"
    assert [(kind, payload["handle"]) for kind, payload in read_events()] == [
        ("#identity", "dora2.test")
    ]


def test_did_web_has_no_operations(services: Services, dora: DidWeb) -> None:
    move_in(services, dora)
    before = dump_tables()

    with pytest.raises(InvalidRequestError, match=r"Only a did:plc has operations"):
        services.plc_operations.submit(dora.did, {})
    assert dump_tables() == before
