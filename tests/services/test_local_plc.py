"""The embedded PLC directory: the rules of the public one, over this server's own table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.network.plc_directory import (
    NotRegisteredError,
    OperationConflictError,
    OperationRefusedError,
)
from pds.services.local_plc import LocalPlc
from pds.storage import plc_operations
from pds.storage.database import transaction
from tests.factories import ROTATION_KEY, START_US, StillClock
from tests.vectors import PLC_LOGS, load_json, require

pytestmark = pytest.mark.usefixtures("open_database")

RECOVERY_KEY = PrivateKey.from_bytes(bytes(31) + b"\x09")
ABSENT = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
HOUR_S = 3_600


@pytest.fixture
def directory(clock: StillClock) -> LocalPlc:
    return LocalPlc(clock)


def _genesis(handle: str = "alice.test") -> tuple[str, dict[str, Any]]:
    return plc.build_genesis(
        rotation_keys=[RECOVERY_KEY.did_key, ROTATION_KEY.did_key],
        signing_key=ROTATION_KEY.did_key,
        handle=handle,
        pds_endpoint="http://localhost:2583",
        signer=ROTATION_KEY,
    )


def _update(last: dict[str, Any], handle: str, signer: PrivateKey = ROTATION_KEY) -> dict[str, Any]:
    return plc.build_update(last, signer=signer, also_known_as=[f"at://{handle}"])


def test_a_registered_did_can_be_read_in_every_form(directory: LocalPlc) -> None:
    did, operation = _genesis()

    directory.submit(did, operation)

    assert directory.has(did)
    assert directory.last(did) == operation
    assert directory.log(did) == [operation]
    assert directory.data(did) == {
        "did": did,
        "rotationKeys": [RECOVERY_KEY.did_key, ROTATION_KEY.did_key],
        "verificationMethods": {"atproto": ROTATION_KEY.did_key},
        "alsoKnownAs": ["at://alice.test"],
        "services": operation["services"],
    }
    assert directory.document(did)["alsoKnownAs"] == ["at://alice.test"]
    assert directory.audit_log(did) == [
        {
            "did": did,
            "operation": operation,
            "cid": str(plc.operation_cid(operation)),
            "nullified": False,
            "createdAt": "2026-09-21T14:13:20.000Z",
        }
    ]


@pytest.mark.parametrize("read", ["document", "data", "log", "audit_log", "last"])
def test_an_unknown_did_is_not_registered(directory: LocalPlc, read: str) -> None:
    assert not directory.has(ABSENT)
    with pytest.raises(NotRegisteredError, match=ABSENT):
        getattr(directory, read)(ABSENT)


def test_submitting_the_same_operation_again_changes_nothing(directory: LocalPlc) -> None:
    did, first = _genesis()
    second = _update(first, "bob.test")
    for operation in (first, first, second, second, first):
        directory.submit(did, operation)

    assert directory.log(did) == [first, second]


def test_an_update_changes_the_document(directory: LocalPlc) -> None:
    did, first = _genesis()
    directory.submit(did, first)

    directory.submit(did, _update(first, "bob.test"))

    assert directory.document(did)["alsoKnownAs"] == ["at://bob.test"]


def test_times_rise_even_when_the_clock_stands_still(
    directory: LocalPlc, clock: StillClock
) -> None:
    did, first = _genesis()
    clock.now_us = START_US + 999  # less than a millisecond is not shown, so it is not kept
    directory.submit(did, first)
    clock.now_us = START_US - 5_000_000
    directory.submit(did, _update(first, "bob.test"))

    times = [row.created_at_us for row in plc_operations.operations_of(did)]

    assert times == [START_US, START_US + 1_000]


# --- refusals -----------------------------------------------------------------------------------


def _of_another_did(did: str, first: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return did, _genesis("other.test")[1]


def _by_a_stranger(did: str, first: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return did, _update(first, "bob.test", PrivateKey.generate())


def _forged(did: str, first: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return did, {**_update(first, "bob.test"), "alsoKnownAs": ["at://mallory.test"]}


def _after_nothing(did: str, first: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return did, _update(_update(first, "carol.test"), "bob.test")


def _too_long(did: str, first: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = [f"at://{'a' * 200}{number}.test" for number in range(30)]
    return did, plc.build_update(first, signer=ROTATION_KEY, also_known_as=names)


def _not_an_operation(did: str, first: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return did, {"hello": 1.5}


def _retired(did: str, first: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    key = ROTATION_KEY.did_key
    fields = {"signingKey": key, "recoveryKey": key, "handle": "a.test", "service": "a.test"}
    operation = plc.sign_operation({"type": "create", "prev": None, **fields}, ROTATION_KEY)
    return plc.did_for(operation), operation


@pytest.mark.parametrize(
    "make",
    [
        _of_another_did,
        _by_a_stranger,
        _forged,
        _after_nothing,
        _too_long,
        _not_an_operation,
        _retired,
    ],
)
def test_an_invalid_operation_is_refused_and_nothing_changes(
    directory: LocalPlc,
    make: Callable[[str, dict[str, Any]], tuple[str, dict[str, Any]]],
) -> None:
    did, first = _genesis()
    directory.submit(did, first)
    other_did, operation = make(did, first)

    with pytest.raises(OperationRefusedError):
        directory.submit(other_did, operation)

    assert directory.export(0) == directory.export(0, 1)
    assert directory.log(did) == [first]


def test_a_first_operation_must_hash_to_its_did(directory: LocalPlc) -> None:
    with pytest.raises(OperationRefusedError):
        directory.submit(ABSENT, _genesis()[1])

    assert not directory.has(ABSENT)


def test_who_comes_second_loses(directory: LocalPlc, monkeypatch: pytest.MonkeyPatch) -> None:
    did, first = _genesis()
    directory.submit(did, first)
    accept = plc.accept_operation

    def overtaken(*args: Any) -> set[str]:
        monkeypatch.setattr(plc, "accept_operation", accept)
        directory.submit(did, _update(first, "fast.test"))
        return accept(*args)

    monkeypatch.setattr(plc, "accept_operation", overtaken)
    with pytest.raises(OperationConflictError):
        directory.submit(did, _update(first, "slow.test"))

    assert directory.data(did)["alsoKnownAs"] == ["at://fast.test"]


# --- tombstones and recovery --------------------------------------------------------------------


def test_a_tombstone_ends_a_did(directory: LocalPlc) -> None:
    did, first = _genesis()
    tombstone = plc.build_tombstone(first, ROTATION_KEY)
    directory.submit(did, first)
    directory.submit(did, tombstone)

    assert directory.last(did) == tombstone
    for read in (directory.document, directory.data):
        with pytest.raises(NotRegisteredError):
            read(did)
    after = {**_update(first, "bob.test"), "prev": str(plc.operation_cid(tombstone))}
    with pytest.raises(OperationRefusedError, match="tombstone"):
        directory.submit(did, plc.sign_operation(after, ROTATION_KEY))


@pytest.mark.parametrize(("hours", "late_s"), [(0, 0), (72, 0), (72, 0.001), (72, 1)])
def test_a_higher_key_undoes_for_72_hours(
    directory: LocalPlc, clock: StillClock, hours: int, late_s: float
) -> None:
    did, first = _genesis()
    theft = _update(first, "thief.test")
    rescue = _update(first, "alice.test", RECOVERY_KEY)
    directory.submit(did, first)
    clock.advance(1)
    directory.submit(did, theft)
    clock.advance(hours * HOUR_S + late_s)

    if late_s:
        with pytest.raises(OperationRefusedError, match="72 hours"):
            directory.submit(did, rescue)
        assert directory.log(did) == [first, theft]
        return
    directory.submit(did, rescue)

    assert directory.log(did) == [first, rescue]
    assert [row["nullified"] for row in directory.audit_log(did)] == [False, True, False]
    assert directory.data(did)["alsoKnownAs"] == ["at://alice.test"]


def test_the_same_key_cannot_undo(directory: LocalPlc) -> None:
    did, first = _genesis()
    directory.submit(did, first)
    directory.submit(did, _update(first, "bob.test"))

    with pytest.raises(OperationRefusedError):
        directory.submit(did, _update(first, "carol.test"))


def test_an_undone_operation_stays_undone(directory: LocalPlc) -> None:
    did, first = _genesis()
    theft = _update(first, "thief.test")
    directory.submit(did, first)
    directory.submit(did, theft)
    directory.submit(did, _update(first, "alice.test", RECOVERY_KEY))

    with pytest.raises(OperationRefusedError):
        directory.submit(did, theft)


@pytest.mark.parametrize(
    "name",
    [
        "log_bskyapp",
        "log_tombstone",
        "log_bnewbold_robocracy",
        "log_nullification_at_exactly_72h",
        "log_nullification_nontrivial",
        "log_nullified_tombstone",
    ],
)
def test_public_logs_are_accepted_operation_by_operation(
    directory: LocalPlc, clock: StillClock, name: str
) -> None:
    path = require(PLC_LOGS / "valid" / f"{name}.json")
    rows = load_json(path)
    for row in rows:
        clock.now_us = plc.LogEntry.from_json(row).created_at_us
        directory.submit(row["did"], row["operation"])

    assert directory.audit_log(rows[0]["did"]) == rows


# --- export -------------------------------------------------------------------------------------


def test_the_export_goes_on_after_a_number(directory: LocalPlc) -> None:
    dids = []
    for name in ("alice.test", "bob.test", "carol.test"):
        did, operation = _genesis(name)
        directory.submit(did, operation)
        dids.append(did)

    first = directory.export(0, 2)
    rest = directory.export(first[-1]["seq"], 2)

    assert [row["did"] for row in first + rest] == dids
    assert set(rest[0]) == {"type", "operation", "did", "cid", "createdAt", "seq"}
    assert rest[0]["type"] == "sequenced_op"


def test_the_older_export_has_no_numbers(directory: LocalPlc, clock: StillClock) -> None:
    did, first = _genesis()
    directory.submit(did, first)
    clock.advance(10)
    directory.submit(did, _update(first, "bob.test"))

    everything, later = directory.export(), directory.export_since(START_US)

    assert everything == directory.audit_log(did)
    assert later == everything[1:]


def test_an_export_is_bounded(directory: LocalPlc) -> None:
    with transaction():
        for number in range(1_005):
            plc_operations.append_operation(f"did:plc:{number}", "cid", {}, number)

    assert len(directory.export(0, 5_000)) == 1_000
    assert directory.export(0, -1) == []
    assert len(directory.export_since(0, 5_000)) == 1_000
