from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pds.network.plc_directory import (
    NotRegisteredError,
    OperationConflictError,
    OperationRefusedError,
)
from tests.web.harness import ALICE, Running, make_services, running

OPERATION = {"type": "plc_operation", "prev": None}


class FakePlc:
    """One DID; remembers what it was asked."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, dict[str, Any]]] = []

    def submit(self, did: str, operation: dict[str, Any]) -> None:
        if operation.get("type") == "bad":
            message = "Invalid operation: bad type"
            raise OperationRefusedError(message)
        if operation.get("type") == "late":
            raise OperationConflictError
        self.submitted.append((did, operation))

    def document(self, did: str) -> dict[str, Any]:
        if did != ALICE:
            message = f"DID not registered: {did}"
            raise NotRegisteredError(message)
        return {"id": did}

    def data(self, did: str) -> dict[str, Any]:
        return {"did": did}

    def log(self, did: str) -> list[dict[str, Any]]:
        return [OPERATION]

    def audit_log(self, did: str) -> list[dict[str, Any]]:
        return [{"did": did, "operation": OPERATION}]

    def last(self, did: str) -> dict[str, Any]:
        return OPERATION

    def export(self, after: int | None, count: int) -> list[dict[str, Any]]:
        return [{"after": after, "count": count}, {"é": 1}]

    def export_since(self, after_us: int, count: int) -> list[dict[str, Any]]:
        return [{"after_us": after_us, "count": count}]


PLC = FakePlc()


@pytest.fixture(scope="module")
def web() -> Iterator[Running]:
    with running(make_services(local_plc=PLC), {}) as server:
        yield server


@pytest.mark.parametrize("path", [f"/{ALICE}", "/" + ALICE.replace(":", "%3A")])
def test_document_is_served_by_did_in_either_spelling(web: Running, path: str) -> None:
    answer = web.get(path)

    assert answer.json == {"id": ALICE}
    assert answer.headers["Content-Type"].startswith("application/did+ld+json")


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        ("/data", {"did": ALICE}),
        ("/log", [OPERATION]),
        ("/log/audit", [{"did": ALICE, "operation": OPERATION}]),
        ("/log/last", OPERATION),
    ],
)
def test_parts_of_the_log_are_served(web: Running, suffix: str, expected: Any) -> None:
    assert web.get(f"/{ALICE}{suffix}").json == expected


def test_operation_is_submitted(web: Running) -> None:
    answer = web.post_json(f"/{ALICE}", OPERATION)

    assert (answer.status, answer.body) == (200, b"")
    assert PLC.submitted[-1] == (ALICE, OPERATION)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (json.dumps({"type": "bad"}).encode(), OperationRefusedError.status),
        (json.dumps({"type": "late"}).encode(), 409),
    ],
)
def test_refused_operation_has_a_message(web: Running, body: bytes, status: int) -> None:
    answer = web.post(f"/{ALICE}", body, Content_Type="application/json")

    assert answer.status == status
    assert list(answer.json) == ["message"]


def test_unknown_did_is_404_with_a_message(web: Running) -> None:
    did = "did:plc:" + "a" * 24

    answer = web.get(f"/{did}")

    assert (answer.status, answer.json) == (404, {"message": f"DID not registered: {did}"})


@pytest.mark.parametrize("path", ["/did:plc:UPPER!", "/did:plc:%00"])
def test_what_is_no_did_is_400(web: Running, path: str) -> None:
    assert web.get(path).status == 400


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("", {"after": None, "count": 1000}),
        ("?count=5&after=7", {"after": 7, "count": 5}),
        ("?after=2026-01-02T03:04:05.678Z", {"after_us": 1767323045678000, "count": 1000}),
        ("?after=2026-01-02T03:04:05.678%2B00:00", {"after_us": 1767323045678000, "count": 1000}),
    ],
)
def test_export_is_json_lines(web: Running, query: str, first: dict[str, Any]) -> None:
    answer = web.get(f"/export{query}")

    assert answer.headers["Content-Type"].startswith("application/jsonlines")
    assert json.loads(answer.body.split(b"\n")[0]) == first


@pytest.mark.parametrize(
    "query", ["?count=0", "?count=1001", "?count=x", "?after=never", "?after=2026-01-02T03:04:05"]
)
def test_wrong_export_parameters_are_400(web: Running, query: str) -> None:
    assert web.get(f"/export{query}").status == 400


def test_without_a_directory_of_our_own_there_are_no_such_routes() -> None:
    with running(make_services(), {}) as web:
        assert web.get(f"/{ALICE}").status == 404
        assert web.get("/export").status == 404
