"""submitPlcOperation: what is refused on the wire, with nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.config import Config
from tests.factories import ROTATION_KEY, Person, dump_tables, make_config, take_down
from tests.fakes.plc_directory import FakePlcDirectory
from tests.fakes.web_server import web_server
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.submitPlcOperation"
CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
OTHER = PrivateKey.generate()
PDS = {"type": "AtprotoPersonalDataServer", "endpoint": "http://localhost:2583"}


@pytest.fixture
def directory() -> FakePlcDirectory:
    return FakePlcDirectory()


@pytest.fixture
def config(tmp_path: Path, directory: FakePlcDirectory) -> Iterator[Config]:
    """A server whose directory is somebody else's."""
    with web_server() as server:
        server.otherwise = directory.answer
        yield make_config(tmp_path, did_plc_url=server.url)


def state(directory: FakePlcDirectory) -> Any:
    tables = dump_tables("account", "event", "identity_change")
    return tables, {did: list(log) for did, log in directory.logs.items()}


def follow_up(server: Services, did: str, **changes: Any) -> dict[str, Any]:
    """The next operation with some fields replaced, signed by the server's key."""
    last = server.identity.last_operation(did)
    unsigned = {**last, "prev": str(plc.operation_cid(last)), **changes}
    return plc.sign_operation(unsigned, ROTATION_KEY)


def test_operation_reaches_the_directory(
    services: Services, alice: Person, directory: FakePlcDirectory
) -> None:
    operation = follow_up(services, alice.did, rotationKeys=[OTHER.did_key, ROTATION_KEY.did_key])
    with wire(services) as http:
        answer = http.post(NSID, alice, {"operation": operation})

    assert (answer.status, answer.body) == (200, b"")
    assert directory.logs[alice.did][-1].operation == operation
    assert dump_tables("identity_change") == {"identity_change": []}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rotationKeys": [OTHER.did_key]}, "Rotation keys do not include server's rotation key"),
        ({"services": {}}, "Incorrect type on atproto_pds service"),
        (
            {"services": {"atproto_pds": {**PDS, "type": "Other"}}},
            "Incorrect type on atproto_pds service",
        ),
        (
            {"services": {"atproto_pds": {**PDS, "endpoint": "https://old.example.com"}}},
            "Incorrect endpoint on atproto_pds service",
        ),
        ({"verificationMethods": {}}, "Incorrect signing key"),
        ({"verificationMethods": {"atproto": OTHER.did_key}}, "Incorrect signing key"),
        ({"alsoKnownAs": []}, "Incorrect handle in alsoKnownAs"),
        ({"alsoKnownAs": ["at://bob.test"]}, "Incorrect handle in alsoKnownAs"),
        (
            {"alsoKnownAs": ["https://a.example", "at://alice.test"]},
            "Incorrect handle in alsoKnownAs",
        ),
        ({"rotationKeys": []}, "Invalid operation: rotationKeys"),
        ({"rotationKeys": ["did:key:zNonsense"]}, "Invalid operation: rotationKeys"),
        ({"rotationKeys": "nonsense"}, "Invalid operation: rotationKeys has the wrong type"),
        ({"alsoKnownAs": ["at://alice.test"] * 2}, "Invalid operation: alsoKnownAs: duplicates"),
        ({"more": 1}, "Invalid operation: missing or additional fields: more"),
        ({"type": "create"}, "Invalid operation"),
        ({"type": 7}, "Invalid operation: not a PLC operation"),
        ({"prev": "nonsense"}, "The PLC directory refused the operation: "),
        ({"prev": None}, "The PLC directory refused the operation: "),
    ],
)
def test_refusals_say_why_and_change_nothing(
    services: Services,
    alice: Person,
    directory: FakePlcDirectory,
    changes: dict[str, Any],
    message: str,
) -> None:
    operation = follow_up(services, alice.did, **changes)
    before = state(directory)
    with wire(services) as http:
        status, error, said = http.post(NSID, alice, {"operation": operation}).error

    assert (status, error) == (400, "InvalidRequest")
    assert said.startswith(message)
    assert state(directory) == before


@pytest.mark.parametrize(
    "operation",
    [
        {},
        {"type": "plc_tombstone", "prev": "a", "sig": "b"},
        {
            "type": "plc_operation",
            "sig": {"$link": CID},
        },
        {"$bytes": "AAAA"},
        "text",
        [],
        None,
    ],
)
def test_what_is_no_operation_is_refused(
    services: Services, alice: Person, directory: FakePlcDirectory, operation: Any
) -> None:
    before = state(directory)
    with wire(services) as http:
        answer = http.post(NSID, alice, {"operation": operation})

    assert answer.error[:2] == (400, "InvalidRequest")
    assert state(directory) == before


@pytest.mark.parametrize("status", [500, 503])
def test_directory_that_fails_is_a_bad_gateway(
    services: Services, alice: Person, directory: FakePlcDirectory, status: int
) -> None:
    operation = follow_up(services, alice.did, rotationKeys=[OTHER.did_key, ROTATION_KEY.did_key])
    before = state(directory)
    directory.broken = status
    with wire(services) as http:
        assert http.post(NSID, alice, {"operation": operation}).error[:2] == (
            502,
            "UpstreamFailure",
        )

        # It is not known that the operation was not taken: it is sent until that is known.
        directory.broken = None
        services.resume()
    assert directory.logs[alice.did][-1].operation == operation
    assert len(state(directory)[0]["event"]) == len(before[0]["event"]) + 1


def test_only_the_owner_with_every_right_may(
    services: Services, alice: Person, directory: FakePlcDirectory
) -> None:
    body = {"operation": follow_up(services, alice.did)}
    before = state(directory)
    with wire(services) as http:
        assert http.post(NSID, None, body).error[:2] == (401, "AuthMissing")
        assert http.post(NSID, ADMIN_HEADER, body).error[:2] == (400, "InvalidToken")
        assert state(directory) == before
        take_down(alice)
        assert http.post(NSID, alice, body).error[:2] == (401, "AccountTakedown")
    assert len(directory.logs[alice.did]) == 1
