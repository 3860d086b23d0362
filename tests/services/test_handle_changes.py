"""New handles: what is checked, what changes, and that a refusal changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.did_document import did_web_document
from pds.config import Config
from pds.errors import (
    AccountTakedownError,
    HandleNotAvailableError,
    IncompatibleDidDocError,
    InvalidHandleError,
    InvalidRequestError,
    PdsError,
    UnresolvableDidError,
)
from pds.network.dns_txt import DnsTxt
from pds.network.handle_resolver import HandleResolutionError, HandleResolver
from pds.network.plc_directory import OperationRefusedError
from pds.services.handle_changes import HandleChanges
from pds.services.handles import Handles
from pds.services.identity import Identity
from pds.storage import accounts
from pds.storage.database import execute, rows, transaction
from tests.factories import (
    ROTATION_KEY,
    Person,
    ask,
    dump_tables,
    end_did,
    make_account,
    make_config,
    read_events,
    take_down,
)
from tests.fakes.dns_server import dns_server
from tests.fakes.web_server import client, make_authority, web_server

if TYPE_CHECKING:
    from pds.services import Services

NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
WEB = "did:web:alice.example.com"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Two domains, one of which is a host name that could be a handle."""
    return make_config(tmp_path, service_handle_domains=".test,.club.test")


def state() -> dict[str, list[tuple[Any, ...]]]:
    return dump_tables("account", "event", "plc_operation", "identity_change")


def describe(services: Services, did: str) -> Any:
    return ask(services, "com.atproto.repo.describeRepo", params={"repo": did})


@pytest.mark.parametrize("handle", ["Alice2.test", "alice.club.test"])
def test_new_handle_is_published_stored_and_announced(
    services: Services, alice: Person, handle: str
) -> None:
    services.identity.did_document(alice.did)  # so that an older document is remembered

    assert services.handle_changes.change(alice.did, handle) == handle.lower()

    assert alice.row.handle == handle.lower()
    [_, (kind, payload)] = read_events(3)
    assert (kind, payload["did"], payload["handle"]) == ("#identity", alice.did, handle.lower())
    shown = describe(services, alice.did)
    assert (shown["handle"], shown["handleIsCorrect"]) == (handle.lower(), True)
    assert shown["didDoc"]["alsoKnownAs"] == [f"at://{handle.lower()}"]
    assert services.handles.resolve(handle) == alice.did
    with pytest.raises(PdsError):
        services.handles.resolve("alice.test")
    assert rows("SELECT * FROM identity_change") == []


def test_owner_is_told_by_mail_of_a_new_handle_only(services: Services, alice: Person) -> None:
    services.handle_changes.change(alice.did, "alice.test")
    assert rows("SELECT * FROM outgoing_mail") == []

    services.handle_changes.change(alice.did, "alice2.test")

    [(topic, recipient, text)] = rows("SELECT topic, recipient, text FROM outgoing_mail")
    assert (topic, recipient) == ("identity_changed", alice.email)
    assert "its handle is now @alice2.test" in text


def test_old_handle_is_free_at_once(services: Services, alice: Person, bob: Person) -> None:
    services.handle_changes.change(alice.did, "alice2.test")
    services.handle_changes.change(bob.did, "alice.test")

    assert (alice.row.handle, bob.row.handle) == ("alice2.test", "alice.test")


def test_unchanged_handle_is_announced_again_and_costs_nothing(
    services: Services, alice: Person
) -> None:
    before = dump_tables("account", "plc_operation", "identity_change")

    services.handle_changes.change(alice.did, "ALICE.test")

    assert dump_tables("account", "plc_operation", "identity_change") == before
    assert [(kind, payload["handle"]) for kind, payload in read_events(4)] == [
        ("#identity", "alice.test")
    ]


def test_unchanged_handle_mends_a_directory_that_differs(services: Services, alice: Person) -> None:
    with transaction():
        accounts.set_handle(alice.row.id, "mended.test")

    services.handle_changes.change(alice.did, "mended.test")

    assert describe(services, alice.did)["handleIsCorrect"] is True


def test_handle_that_the_directory_names_already_costs_no_operation(
    services: Services, alice: Person
) -> None:
    assert services.local_plc is not None
    last = services.local_plc.last(alice.did)
    services.local_plc.submit(
        alice.did, plc.build_update(last, signer=ROTATION_KEY, also_known_as=["at://own.test"])
    )

    services.handle_changes.change(alice.did, "own.test")

    assert alice.row.handle == "own.test"
    assert len(services.local_plc.log(alice.did)) == 2
    assert describe(services, alice.did)["handleIsCorrect"] is True


@pytest.mark.parametrize(
    ("handle", "error", "message"),
    [
        ("alice", InvalidHandleError, "Invalid handle"),
        ("alice.invalid", InvalidHandleError, "TLD"),
        ("al.test", InvalidHandleError, "too short"),
        ("f4-gg0t.test", InvalidHandleError, "Inappropriate"),
        ("admin.test", HandleNotAvailableError, "Reserved handle"),
        ("club.test", HandleNotAvailableError, "Reserved handle"),
        ("bob.test", HandleNotAvailableError, "Handle already taken: bob.test"),
        ("BOB.test", HandleNotAvailableError, "Handle already taken: bob.test"),
        ("gone.test", HandleNotAvailableError, "Handle already taken: gone.test"),
        ("new.test", HandleNotAvailableError, "Handle already taken: new.test"),
        ("elsewhere.example.com", InvalidRequestError, "did not resolve to DID"),
    ],
)
def test_refused_change_changes_nothing(
    services: Services,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    handle: str,
    error: type[PdsError],
    message: str,
) -> None:
    _, gone, new = (make_account(services, name) for name in ("bob", "gone", "new"))
    services.accounts.deactivate(gone.did)
    with transaction():
        execute("UPDATE account SET \"pendingOperation\" = '{}' WHERE did = ?", (new.did,))
    monkeypatch.setattr(HandleResolver, "resolve", _resolves_nothing)
    before = state()

    with pytest.raises(error, match=message) as raised:
        services.handle_changes.change(alice.did, handle)

    assert raised.value.error == error.error
    assert state() == before


def _resolves_nothing(_self: HandleResolver, _handle: str) -> str:
    raise HandleResolutionError


@pytest.mark.parametrize("way", ["dns", "https"])
def test_domain_of_ones_own_is_taken_once_it_points_here(
    services: Services, alice: Person, tmp_path: Path, way: str
) -> None:
    authority = make_authority(tmp_path, "alice.example.com")
    with (
        dns_server() as dns,
        web_server(authority.server()) as web,
        client(tls=authority.client(), resolve=web.resolve) as http,
    ):
        outside = HandleResolver(http, dns=DnsTxt([dns.address]))
        changes = HandleChanges(
            services.identity, Handles(services.config, outside), services.identity_journal
        )
        before = state()
        for did in (None, "did:plc:ewvi7nxzyoun6zhxrhs64oiz", alice.did):
            if did is not None and way == "dns":
                dns.texts["_atproto.alice.example.com"] = [[f"did={did}"]]
            elif did is not None:
                web.text("/.well-known/atproto-did", did)
            if did != alice.did:
                with pytest.raises(InvalidRequestError, match="did not resolve to DID"):
                    changes.change(alice.did, "alice.example.com")
                assert state() == before

        assert changes.change(alice.did, "Alice.example.com") == "alice.example.com"
    assert describe(services, alice.did)["handleIsCorrect"] is True


@pytest.mark.parametrize("handle", ["admin.test", "club.test", "f4-gg0t.test"])
def test_admin_gives_what_others_may_not_take(
    services: Services, alice: Person, handle: str
) -> None:
    services.handle_changes.change(alice.did, handle, by_admin=True)
    assert services.handles.resolve(handle) == alice.did

    services.handle_changes.change(alice.did, handle)  # having it, one may say so again
    assert alice.row.handle == handle


def test_account_that_moves_in_may_take_a_handle(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    services.handle_changes.change(alice.did, "alice2.test")

    assert alice.row.handle == "alice2.test"
    assert not alice.row.is_active


def test_account_that_is_taken_down_is_for_the_admin(services: Services, alice: Person) -> None:
    take_down(alice)
    before = state()
    with pytest.raises(AccountTakedownError):
        services.handle_changes.change(alice.did, "alice2.test")
    assert state() == before

    services.handle_changes.change(alice.did, "alice2.test", by_admin=True)
    assert alice.row.handle == "alice2.test"


@pytest.mark.parametrize("by_admin", [True, False])
def test_unknown_account_is_told(services: Services, by_admin: bool) -> None:
    before = state()
    with pytest.raises(InvalidRequestError, match=f"Account not found: {NOBODY}"):
        services.handle_changes.change(NOBODY, "alice2.test", by_admin=by_admin)
    assert state() == before


def test_did_that_has_ended_or_is_not_ours_is_left_alone(
    services: Services, alice: Person, bob: Person
) -> None:
    end_did(services.identity, alice.did)
    assert services.local_plc is not None
    operation = plc.build_update(
        services.local_plc.last(bob.did),
        signer=ROTATION_KEY,
        rotation_keys=["did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169"],
    )
    services.local_plc.submit(bob.did, operation)
    before = state()

    with pytest.raises(InvalidRequestError, match=r"^Did is tombstoned$"):
        services.handle_changes.change(alice.did, "alice2.test")
    with pytest.raises(InvalidRequestError, match="not among the rotation keys"):
        services.handle_changes.change(bob.did, "bob2.test")
    assert state() == before


# --- lost races ----------------------------------------------------------------------------------


def _interrupt(
    services: Services, monkeypatch: pytest.MonkeyPatch, did: str, *aliases: str
) -> None:
    """Before each of our operations arrives, somebody else's comes in."""
    directory = services.local_plc
    assert directory is not None
    others, submit = list(aliases), Identity.submit_operation

    def submit_second(self: Identity, did: str, operation: plc.Operation) -> None:
        if others:
            last = directory.last(did)
            also_known_as = [f"at://{others.pop(0)}"]
            directory.submit(
                did, plc.build_update(last, signer=ROTATION_KEY, also_known_as=also_known_as)
            )
        submit(self, did, operation)

    monkeypatch.setattr(Identity, "submit_operation", submit_second)


def test_operation_that_lost_a_race_is_made_again_once(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt(services, monkeypatch, alice.did, "other.test")

    services.handle_changes.change(alice.did, "alice2.test")

    assert alice.row.handle == "alice2.test"
    assert describe(services, alice.did)["handleIsCorrect"] is True
    assert len(read_events()) == 5


def test_race_whose_winner_wanted_the_same_is_won(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt(services, monkeypatch, alice.did, "alice2.test")

    services.handle_changes.change(alice.did, "alice2.test")

    assert alice.row.handle == "alice2.test"
    assert len(read_events()) == 5


def test_race_that_is_lost_again_and_again_is_given_up(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt(services, monkeypatch, alice.did, "a.test", "b.test", "c.test")

    with pytest.raises(OperationRefusedError):
        services.handle_changes.change(alice.did, "alice2.test")

    assert alice.row.handle == "alice.test"
    assert rows("SELECT * FROM identity_change") == []
    assert len(read_events()) == 4


# --- did:web -------------------------------------------------------------------------------------


def test_did_web_document_must_name_the_handle_first(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        execute("UPDATE account SET did = ?", (WEB,))
    named = did_web_document(WEB, services.config.public_url, handle="alice2.test")

    def resolve(_self: Identity, _did: str, *, force: bool = False) -> dict[str, Any]:
        assert force
        return named

    monkeypatch.setattr(Identity, "did_document", resolve)
    before = state()
    with pytest.raises(IncompatibleDidDocError, match="DID is not properly configured for handle"):
        services.handle_changes.change(WEB, "alice3.test")
    assert state() == before

    services.handle_changes.change(WEB, "alice2.test")

    assert accounts.find_by_did(WEB) is not None
    assert [(payload["did"], payload["handle"]) for _, payload in read_events(4)] == [
        (WEB, "alice2.test")
    ]
    assert dump_tables("plc_operation") == {"plc_operation": before["plc_operation"]}


def test_did_web_that_does_not_resolve_changes_nothing(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET did = 'did:web:nobody.invalid'")
    before = state()

    with pytest.raises(UnresolvableDidError):
        services.handle_changes.change("did:web:nobody.invalid", "alice2.test")
    assert state() == before
