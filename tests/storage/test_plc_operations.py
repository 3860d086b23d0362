"""The rows of the embedded PLC directory."""

from __future__ import annotations

from sqlite3 import IntegrityError

import pytest

from pds.storage import plc_operations
from pds.storage.database import transaction

pytestmark = pytest.mark.usefixtures("open_database")


def _append(did: str, *cids: str, at_us: int = 0) -> None:
    with transaction():
        for position, cid in enumerate(cids):
            plc_operations.append_operation(did, cid, {"cid": cid}, at_us + position)


def test_a_log_is_read_in_its_order() -> None:
    _append("did:plc:a", "z", "y", "x")
    _append("did:plc:b", "w")

    log = plc_operations.operations_of("did:plc:a")

    assert [row.cid for row in log] == ["z", "y", "x"]
    assert [row.operation for row in log] == [{"cid": "z"}, {"cid": "y"}, {"cid": "x"}]
    assert [row.created_at_us for row in log] == [0, 1, 2]
    assert not any(row.nullified for row in log)
    assert plc_operations.operations_of("did:plc:c") == []


def test_nullified_operations_stay_and_are_marked() -> None:
    _append("did:plc:a", "x", "y", "z")
    _append("did:plc:b", "y")

    with transaction():
        plc_operations.nullify_operations("did:plc:a", {"y", "z"})
        plc_operations.nullify_operations("did:plc:a", set())

    assert plc_operations.state_of("did:plc:a") == [("x", False), ("y", True), ("z", True)]
    assert plc_operations.state_of("did:plc:b") == [("y", False)]


def test_an_operation_is_held_once() -> None:
    _append("did:plc:a", "x")

    with pytest.raises(IntegrityError):
        _append("did:plc:a", "x")

    assert plc_operations.state_of("did:plc:a") == [("x", False)]


def test_all_operations_can_be_paged_by_number() -> None:
    _append("did:plc:a", "x", "y")
    _append("did:plc:b", "z")

    first = plc_operations.operations_after_seq(0, 2)
    rest = plc_operations.operations_after_seq(first[-1].seq, 2)

    assert [row.cid for row in first + rest] == ["x", "y", "z"]


def test_all_operations_can_be_paged_by_time() -> None:
    _append("did:plc:a", "late", at_us=200)
    _append("did:plc:b", "early", at_us=100)

    assert [row.cid for row in plc_operations.operations_after_time(0, 9)] == ["early", "late"]
    assert [row.cid for row in plc_operations.operations_after_time(100, 9)] == ["late"]
    assert [row.cid for row in plc_operations.operations_after_time(0, 1)] == ["early"]
