"""DID documents: remembered, refreshed, checked, changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.did_document import did_web_document
from pds.config import Config
from pds.errors import IncompatibleDidDocError, InvalidRequestError, UnresolvableDidError
from pds.network.did_resolver import DidNotFoundError, DidResolutionError
from pds.network.plc_directory import (
    NotRegisteredError,
    OperationConflictError,
    OperationRefusedError,
)
from pds.services.identity import Identity
from pds.services.local_plc import LocalPlc
from pds.storage import did_cache
from tests.factories import ROTATION_KEY, StillClock, end_did, make_config

pytestmark = pytest.mark.usefixtures("open_database")

HOUR_S = 3_600
WEB = "did:web:alice.example.com"
KEY = PrivateKey.from_bytes(bytes(31) + b"\x0b")
OTHER = PrivateKey.from_bytes(bytes(31) + b"\x0c").did_key
RECOVERY_KEY = PrivateKey.from_bytes(bytes(31) + b"\x09")


class Outside:
    """Resolves did:plc from the embedded directory, everything else from what it is told."""

    def __init__(self, directory: LocalPlc) -> None:
        self.directory = directory
        self.documents: dict[str, dict[str, Any] | Exception] = {}
        self.asked: list[str] = []
        self.answered = threading.Event()

    def resolve(self, did: str) -> dict[str, Any]:
        self.asked.append(did)
        self.answered.set()
        found = self.documents.get(did)
        if isinstance(found, Exception):
            raise found
        if found is not None:
            return found
        try:
            return self.directory.document(did)
        except NotRegisteredError as error:
            raise DidNotFoundError from error


@pytest.fixture
def directory(clock: StillClock) -> LocalPlc:
    return LocalPlc(clock)


@pytest.fixture
def outside(directory: LocalPlc) -> Outside:
    return Outside(directory)


@pytest.fixture
def identity(
    config: Config, clock: StillClock, directory: LocalPlc, outside: Outside
) -> Iterator[Identity]:
    made = Identity(config, clock, directory, outside)
    yield made
    made.close()


def _document(handle: str = "alice.example.com") -> dict[str, Any]:
    return did_web_document(WEB, "http://localhost:2583", handle=handle, signing_key=KEY.did_key)


def _change_handle(identity: Identity, did: str, handle: str) -> None:
    operation = identity.handle_operation(did, handle)
    if operation is not None:
        identity.submit_operation(did, operation)


def _register(identity: Identity, handle: str = "alice.test") -> str:
    did, operation = identity.new_genesis(handle, KEY.did_key)
    identity.submit_genesis(did, operation)
    return did


# --- reading ------------------------------------------------------------------------------------


def test_the_signing_key_is_a_did_key_or_none(identity: Identity, outside: Outside) -> None:
    outside.documents[WEB] = _document()
    assert identity.signing_key_of(WEB) == KEY.did_key

    outside.documents[WEB] = did_web_document(WEB, "https://pds.example.com")
    assert identity.signing_key_of(WEB) == KEY.did_key
    assert identity.signing_key_of(WEB, force=True) is None


def test_an_unusable_document_does_not_resolve(identity: Identity, outside: Outside) -> None:
    outside.documents[WEB] = {"id": "did:web:somebody.example.com"}

    with pytest.raises(UnresolvableDidError, match="Unusable"):
        identity.signing_key_of(WEB)


def test_the_server_is_its_own_document(identity: Identity, outside: Outside) -> None:
    document = identity.did_document("did:web:localhost", force=True)

    assert document == identity.service_document()
    assert document["id"] == identity.service_did == "did:web:localhost"
    assert document["service"] == [
        {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": "http://localhost:2583",
        }
    ]
    assert outside.asked == []


def test_documents_past_their_day_are_dropped(
    identity: Identity, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = _document()
    identity.did_document(WEB)
    assert identity.expire_cache() == 0

    clock.advance(25 * HOUR_S)

    assert identity.expire_cache() == 1


# --- changing -----------------------------------------------------------------------------------


def test_a_new_did_names_handle_key_and_server(identity: Identity, directory: LocalPlc) -> None:
    did, operation = identity.new_genesis("alice.test", KEY.did_key, RECOVERY_KEY.did_key)
    assert not identity.is_registered(did)
    with pytest.raises(DidNotFoundError):
        identity.did_document(did)

    identity.submit_genesis(did, operation)

    assert identity.is_registered(did)
    assert identity.did_document(did)["alsoKnownAs"] == ["at://alice.test"]
    assert directory.data(did)["rotationKeys"] == [RECOVERY_KEY.did_key, ROTATION_KEY.did_key]
    identity.check_account_document(did, KEY.did_key)


def test_the_operators_recovery_key_ranks_between(
    tmp_path: Path, clock: StillClock, directory: LocalPlc, outside: Outside
) -> None:
    config = make_config(tmp_path, recovery_did_key=KEY.did_key)
    identity = Identity(config, clock, directory, outside)

    _, operation = identity.new_genesis("alice.test", KEY.did_key, RECOVERY_KEY.did_key)
    _, again = identity.new_genesis("alice.test", KEY.did_key, KEY.did_key)

    ours = ROTATION_KEY.did_key
    assert operation["rotationKeys"] == [RECOVERY_KEY.did_key, KEY.did_key, ours]
    assert again["rotationKeys"] == [KEY.did_key, ours]
    assert identity.recommended_credentials("alice.test", KEY.did_key) == {
        "alsoKnownAs": ["at://alice.test"],
        "rotationKeys": [KEY.did_key, ours],
        "verificationMethods": {"atproto": KEY.did_key},
        "services": operation["services"],
    }
    assert "alsoKnownAs" not in identity.recommended_credentials(None, KEY.did_key)


def test_a_new_handle_is_in_the_document_at_once(identity: Identity, directory: LocalPlc) -> None:
    did = _register(identity)
    identity.did_document(did)

    _change_handle(identity, did, "bob.test")

    assert identity.parsed_document(did).handle == "bob.test"
    assert len(directory.log(did)) == 2


def test_an_unchanged_handle_costs_no_operation(
    identity: Identity, directory: LocalPlc, outside: Outside
) -> None:
    did = _register(identity)

    _change_handle(identity, did, "alice.test")

    assert len(directory.log(did)) == 1
    assert outside.asked == [did]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], ["at://new.test"]),
        (["https://site.example"], ["at://new.test", "https://site.example"]),
        (["at://a.test", "at://b.test"], ["at://new.test", "at://b.test"]),
        (["https://site.example", "at://a.test"], ["https://site.example", "at://new.test"]),
        (["at://a.test", "at://new.test"], ["at://new.test"]),
    ],
)
def test_other_aliases_stay(
    identity: Identity, directory: LocalPlc, before: list[str], after: list[str]
) -> None:
    did = _register(identity)
    last = directory.last(did)
    directory.submit(did, plc.build_update(last, signer=ROTATION_KEY, also_known_as=before))

    _change_handle(identity, did, "new.test")

    assert directory.data(did)["alsoKnownAs"] == after


def test_a_did_web_must_name_its_new_handle_itself(identity: Identity, outside: Outside) -> None:
    outside.documents[WEB] = _document("alice.example.com")
    _change_handle(identity, WEB, "alice.example.com")

    with pytest.raises(IncompatibleDidDocError, match="not properly configured"):
        _change_handle(identity, WEB, "bob.example.com")


def test_an_ended_did_cannot_be_changed(identity: Identity, directory: LocalPlc) -> None:
    did = _register(identity)
    identity.did_document(did)

    end_did(identity, did)

    for change in (
        partial(identity.handle_operation, did, "bob.test"),
        partial(identity.last_operation, did),
    ):
        with pytest.raises(InvalidRequestError, match=r"^Did is tombstoned$"):
            change()
    with pytest.raises(DidNotFoundError):
        identity.did_document(did)
    assert identity.is_registered(did)
    assert len(directory.log(did)) == 2


def test_a_change_that_cannot_be_read_back_is_at_least_not_denied(
    identity: Identity, outside: Outside
) -> None:
    did = _register(identity)
    identity.did_document(did)
    outside.documents[did] = DidResolutionError()

    _change_handle(identity, did, "bob.test")

    assert did_cache.find_document(did) is None
    del outside.documents[did]
    assert identity.parsed_document(did).handle == "bob.test"


def test_a_did_that_is_not_ours_to_change_is_told_apart(
    identity: Identity, directory: LocalPlc
) -> None:
    did = _register(identity)
    last = directory.last(did)
    directory.submit(
        did, plc.build_update(last, signer=ROTATION_KEY, rotation_keys=[RECOVERY_KEY.did_key])
    )

    with pytest.raises(InvalidRequestError, match="not among the rotation keys"):
        identity.handle_operation(did, "bob.test")
    with pytest.raises(InvalidRequestError, match="DID not registered"):
        identity.handle_operation("did:plc:ewvi7nxzyoun6zhxrhs64oiz", "bob.test")


def test_a_lost_race_is_a_refusal(
    identity: Identity, directory: LocalPlc, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = _register(identity)
    operation = identity.handle_operation(did, "bob.test")
    assert operation is not None

    def lose(*_: object) -> None:
        raise OperationConflictError

    monkeypatch.setattr(directory, "submit", lose)
    with pytest.raises(OperationRefusedError, match="accepted at the same time"):
        identity.submit_operation(did, operation)


def test_the_directory_is_asked_whether_it_holds_an_operation(identity: Identity) -> None:
    did = _register(identity)
    operation = identity.handle_operation(did, "bob.test")
    assert operation is not None
    assert not identity.holds_operation(did, operation)
    assert not identity.holds_operation("did:plc:ewvi7nxzyoun6zhxrhs64oiz", operation)

    identity.submit_operation(did, operation)

    assert identity.holds_operation(did, operation)


# --- checking -----------------------------------------------------------------------------------


def _change(directory: LocalPlc, did: str, **changes: Any) -> None:
    last = directory.last(did)
    directory.submit(did, plc.build_update(last, signer=ROTATION_KEY, **changes))


def test_keys_of_the_past_are_those_of_the_log(identity: Identity, directory: LocalPlc) -> None:
    did = _register(identity)
    for key in (OTHER, KEY.did_key, None):
        _change(directory, did, verification_methods={"atproto": key} if key else {})

    assert identity.past_signing_keys(did) == [KEY.did_key, OTHER]
    assert identity.past_signing_keys(WEB) == []
    with pytest.raises(UnresolvableDidError):
        identity.past_signing_keys("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
    end_did(identity, did)
    assert identity.past_signing_keys(did) == [KEY.did_key, OTHER]


def _services(endpoint: str, kind: str = "AtprotoPersonalDataServer") -> dict[str, Any]:
    return {"atproto_pds": {"type": kind, "endpoint": endpoint}}


def test_a_document_that_points_here_passes(identity: Identity, directory: LocalPlc) -> None:
    did = _register(identity)
    identity.check_account_document(did, KEY.did_key)

    _change(directory, did, services=_services("http://localhost:2583/"), also_known_as=[])

    identity.check_account_document(did, KEY.did_key)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotation_keys": [KEY.did_key]}, "rotation key not included"),
        ({"services": {}}, "endpoint does not match"),
        ({"services": _services("https://old.example.com")}, "endpoint does not match"),
        ({"services": _services("http://localhost:2583", "Other")}, "endpoint does not match"),
        ({"verification_methods": {}}, "verification method does not match"),
        (
            {"verification_methods": {"atproto": RECOVERY_KEY.did_key}},
            "verification method does not match",
        ),
    ],
)
def test_a_document_that_does_not_is_told_why(
    identity: Identity, directory: LocalPlc, changes: dict[str, Any], message: str
) -> None:
    did = _register(identity)
    identity.did_document(did)  # what is remembered must not matter
    _change(directory, did, **changes)

    with pytest.raises(IncompatibleDidDocError, match=message):
        identity.check_account_document(did, KEY.did_key)


def test_a_did_that_is_gone_does_not_pass(identity: Identity) -> None:
    did = _register(identity)
    end_did(identity, did)

    with pytest.raises(UnresolvableDidError):
        identity.check_account_document(did, KEY.did_key)


def test_a_did_web_is_checked_by_its_document(identity: Identity, outside: Outside) -> None:
    outside.documents[WEB] = _document()
    identity.check_account_document(WEB, KEY.did_key)

    with pytest.raises(IncompatibleDidDocError, match="verification method"):
        identity.check_account_document(WEB, RECOVERY_KEY.did_key)
    outside.documents[WEB] = did_web_document(WEB, "https://old.example.com")
    with pytest.raises(IncompatibleDidDocError, match="endpoint"):
        identity.check_account_document(WEB, KEY.did_key)
    outside.documents[WEB] = DidNotFoundError()
    with pytest.raises(UnresolvableDidError):
        identity.check_account_document(WEB, KEY.did_key)
