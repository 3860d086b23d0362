"""The client of a PLC directory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from pds.atproto import plc
from pds.errors import UpstreamFailureError
from pds.network import plc_directory
from pds.network.plc_directory import (
    AT_ONCE,
    NotRegisteredError,
    OperationConflictError,
    OperationRefusedError,
    PlcDirectoryClient,
    TombstonedDidError,
)
from tests.factories import ROTATION_KEY
from tests.fakes.plc_directory import FakePlcDirectory
from tests.fakes.web_server import Asked, Route, WebServer, client, web_server

LIMIT_S = 10

ABSENT = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
READS = ["document", "data", "log", "audit_log", "last"]


@dataclass
class Outside:
    directory: FakePlcDirectory
    server: WebServer
    plc: PlcDirectoryClient


@pytest.fixture
def outside() -> Iterator[Outside]:
    directory = FakePlcDirectory()
    with web_server() as server, client() as http:
        server.otherwise = directory.answer
        yield Outside(directory, server, PlcDirectoryClient(server.url + "/", http))


def _genesis(handle: str = "alice.test") -> tuple[str, dict[str, Any]]:
    return plc.build_genesis(
        rotation_keys=[ROTATION_KEY.did_key],
        signing_key=ROTATION_KEY.did_key,
        handle=handle,
        pds_endpoint="https://pds.example.com",
        signer=ROTATION_KEY,
    )


def test_what_was_submitted_can_be_read_back(outside: Outside) -> None:
    did, first = _genesis()
    second = plc.build_update(first, signer=ROTATION_KEY, also_known_as=["at://bob.test"])

    outside.plc.submit(did, first)
    outside.plc.submit(did, second)

    assert outside.plc.log(did) == [first, second]
    assert outside.plc.last(did) == second
    assert [row["operation"] for row in outside.plc.audit_log(did)] == [first, second]
    assert outside.plc.data(did)["alsoKnownAs"] == ["at://bob.test"]
    assert outside.plc.document(did)["id"] == did
    assert outside.plc.has(did)


def test_the_did_is_percent_encoded(outside: Outside) -> None:
    assert not outside.plc.has(ABSENT)

    assert outside.server.asked[0].path == f"/{ABSENT.replace(':', '%3A')}/log/last"


def test_submitting_the_same_operation_again_is_no_failure(outside: Outside) -> None:
    did, operation = _genesis()
    outside.plc.submit(did, operation)

    outside.plc.submit(did, operation)

    assert len(outside.directory.logs[did]) == 1


def test_an_invalid_operation_is_refused_with_the_reason(outside: Outside) -> None:
    did, operation = _genesis()

    with pytest.raises(OperationRefusedError, match="is not the DID"):
        outside.plc.submit(did, {**operation, "sig": "A" * 86})

    assert not outside.directory.logs[did]


def test_an_operation_that_lost_a_race_is_a_conflict(outside: Outside) -> None:
    did, operation = _genesis()
    outside.server.text(f"/{did.replace(':', '%3A')}", '{"message":"race"}', 409)

    with pytest.raises(OperationConflictError):
        outside.plc.submit(did, operation)


@pytest.mark.parametrize("read", READS)
def test_an_unknown_did_is_not_registered(outside: Outside, read: str) -> None:
    with pytest.raises(NotRegisteredError, match=ABSENT):
        getattr(outside.plc, read)(ABSENT)


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("read", ["document", "data"])
def test_a_tombstoned_did_is_not_registered(outside: Outside, read: str, status: int) -> None:
    outside.directory.broken = status

    with pytest.raises(NotRegisteredError):
        getattr(outside.plc, read)(ABSENT)


def test_a_did_that_has_ended_is_told_from_one_that_never_was(outside: Outside) -> None:
    did, operation = _genesis()
    outside.plc.submit(did, operation)
    outside.plc.submit(did, plc.build_tombstone(operation, ROTATION_KEY))

    for read in (outside.plc.document, outside.plc.data):
        with pytest.raises(TombstonedDidError):
            read(did)
        with pytest.raises(NotRegisteredError) as raised:
            read(ABSENT)
        assert type(raised.value) is NotRegisteredError
    outside.directory.broken = 410
    with pytest.raises(TombstonedDidError):
        outside.plc.document(did)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("status", [302, 429, 500, 503])
def test_any_other_status_is_a_failure_of_the_directory(
    outside: Outside, read: str, status: int
) -> None:
    outside.directory.broken = status

    with pytest.raises(UpstreamFailureError, match=str(status)):
        getattr(outside.plc, read)(ABSENT)
    with pytest.raises(UpstreamFailureError, match=str(status)):
        outside.plc.submit(ABSENT, {})


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("body", ["", "<html>", "7", "null", '"text"', "[1]"])
def test_an_answer_of_another_shape_is_a_failure(outside: Outside, read: str, body: str) -> None:
    outside.server.otherwise = lambda _asked: (200, {}, body.encode())

    with pytest.raises(UpstreamFailureError):
        getattr(outside.plc, read)(ABSENT)


def test_a_reason_is_shown_only_in_part(outside: Outside) -> None:
    outside.server.otherwise = lambda asked: (
        (400, {}, b'{"message":"' + b"x" * 5_000 + b'"}')
        if asked.method == "POST"
        else (404, {}, b"")
    )

    with pytest.raises(OperationRefusedError) as caught:
        outside.plc.submit(ABSENT, {})

    assert len(caught.value.message) < 300


@pytest.mark.parametrize("ask", ["submit", "data", "log", "last", "has"])
def test_silent_directory_does_not_hold_whoever_else_asks(
    outside: Outside, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    monkeypatch.setattr(plc_directory, "WAIT_S", 0.01)
    arrived, may_answer = threading.Semaphore(0), threading.Event()

    def silent(asked: Asked) -> Route:
        arrived.release()
        may_answer.wait(LIMIT_S)
        return outside.directory.answer(asked)

    did, operation = _genesis()
    outside.plc.submit(did, operation)
    call = getattr(outside.plc, ask)
    args = (did, operation) if ask == "submit" else (did,)
    outside.server.otherwise = silent
    with ThreadPoolExecutor(AT_ONCE) as members:
        waiting = [members.submit(outside.plc.last, did) for _ in range(AT_ONCE)]
        for _ in waiting:
            assert arrived.acquire(timeout=LIMIT_S)
        with pytest.raises(UpstreamFailureError, match="slow at the moment"):
            call(*args)
        may_answer.set()
        assert [each.result() for each in waiting] == [operation] * AT_ONCE

    call(*args)


def test_a_refusal_without_reason_is_a_refusal(outside: Outside) -> None:
    outside.server.otherwise = lambda asked: (
        (400, {}, b"<html>") if asked.method == "POST" else (404, {}, b"")
    )

    with pytest.raises(OperationRefusedError, match="status 400"):
        outside.plc.submit(ABSENT, {})
