"""Logs of did:plc: those of the public directory, and each rule broken once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from tests.atproto.plc.builders import (
    HIGH,
    HOURS_72_US,
    LOW,
    MIDDLE,
    SECOND_US,
    SIGNING,
    STRANGER,
    Log,
    genesis,
)
from tests.vectors import PLC_LOGS, load_json

INVALID_LOGS = {
    "nullification_reused_key": plc.InvalidSignatureError,
    "nullification_too_slow": plc.LateRecoveryError,
    "update_nullified": plc.MisorderedOperationError,
    "update_tombstoned": plc.TombstonedError,
    "sig_b64_padding_chars": plc.InvalidSignatureError,
    "sig_b64_padding_bits": plc.InvalidSignatureError,
    "sig_b64_newline": plc.InvalidSignatureError,
    "sig_der": plc.InvalidSignatureError,
    "sig_k256_high_s": plc.InvalidSignatureError,
    "sig_p256_high_s": plc.InvalidSignatureError,
}
VALID_LOGS = [
    "bnewbold_robocracy",
    "bskyapp",
    "legacy_dholms",
    "duplicate_rotation_keys",
    "empty_rotation_keys",
    "tombstone",
    "nullification",
    "nullification_at_exactly_72h",
    "nullification_nontrivial",
    "nullified_tombstone",
]


def refused(log: Log, operation: Any, at_us: int | None = None) -> type[plc.PlcError]:
    before = list(log.entries)
    with pytest.raises(plc.PlcError) as caught:
        log.add(operation, at_us)
    assert log.entries == before
    return caught.type


@pytest.mark.parametrize("name", VALID_LOGS)
def test_public_log_is_accepted_with_its_nullifications(name: str) -> None:
    rows = load_json(PLC_LOGS / "valid" / f"log_{name}.json")
    entries = [plc.LogEntry.from_json(row) for row in rows]
    forgotten = [replace(entry, nullified=False) for entry in entries]

    assert plc.verify_log(rows[0]["did"], forgotten) == entries
    assert [entry.to_json() for entry in entries] == rows


@pytest.mark.parametrize("name", sorted(INVALID_LOGS))
def test_broken_public_log_is_refused_for_its_reason(name: str) -> None:
    rows = load_json(PLC_LOGS / "invalid" / f"log_invalid_{name}.json")
    entries = [plc.LogEntry.from_json(row) for row in rows]

    with pytest.raises(INVALID_LOGS[name]) as caught:
        plc.verify_log(rows[0]["did"], entries)

    assert caught.type is INVALID_LOGS[name]


def test_genesis_must_fit_the_did_and_be_signed_by_itself() -> None:
    did, operation = genesis()
    forged = plc.sign_operation(operation, STRANGER)
    update = plc.build_update(operation, signer=LOW)

    for did_, operation_, error in [
        ("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", operation, plc.InvalidOperationError),
        (plc.did_for(forged), forged, plc.InvalidSignatureError),
        (did, update, plc.MisorderedOperationError),
        (did, plc.build_tombstone(operation, LOW), plc.MisorderedOperationError),
    ]:
        with pytest.raises(error) as caught:
            plc.accept_operation(did_, [], operation_, 0)
        assert caught.type is error


@pytest.mark.parametrize("signer", [HIGH, MIDDLE, LOW], ids=["high", "middle", "low"])
def test_any_rotation_key_may_update(signer: PrivateKey) -> None:
    log = Log()

    assert log.add(log.update(signer, "bob.example")) == set()


def test_update_by_another_key_is_refused() -> None:
    log = Log()

    assert refused(log, log.update(STRANGER, "eve.example")) is plc.InvalidSignatureError
    assert refused(log, log.update(SIGNING, "eve.example")) is plc.InvalidSignatureError


def test_changed_operation_loses_its_signature() -> None:
    log = Log()
    update = log.update(LOW, "bob.example") | {"alsoKnownAs": ["at://eve.example"]}

    assert refused(log, update) is plc.InvalidSignatureError


def test_keys_of_the_operation_before_decide() -> None:
    log = Log()
    log.add(plc.build_update(log.entries[0].operation, signer=LOW, rotation_keys=[HIGH.did_key]))

    assert refused(log, log.update(LOW, "bob.example")) is plc.InvalidSignatureError
    assert log.add(log.update(HIGH, "bob.example")) == set()


def test_prev_must_be_a_live_entry() -> None:
    log = Log()
    _, other = genesis()
    elsewhere = plc.build_update(other, signer=LOW)
    log.add(log.update(LOW, "lost.example"))
    log.add(log.update(HIGH, "won.example", after=0))

    assert refused(log, elsewhere) is plc.MisorderedOperationError
    assert refused(log, other) is plc.MisorderedOperationError
    assert refused(log, log.update(HIGH, "x.example", after=1)) is plc.MisorderedOperationError


def test_operation_cannot_be_added_twice() -> None:
    log = Log()
    update = log.update(LOW, "bob.example")
    log.add(update)
    log.add(log.update(LOW, "bert.example"))

    assert refused(log, update) is plc.MisorderedOperationError
    assert refused(log, log.entries[0].operation) is plc.MisorderedOperationError


def test_tombstone_ends_the_did() -> None:
    log = Log()
    before = log.entries[-1].operation
    tombstone = plc.build_tombstone(before, LOW)
    log.add(tombstone)
    follower = plc.sign_operation(before | {"prev": log.entries[-1].cid}, HIGH)

    assert tombstone.keys() == {"type", "prev", "sig"}
    assert refused(log, follower) is plc.TombstonedError
    builds: list[Callable[[], object]] = [
        lambda: plc.build_update(tombstone, signer=HIGH),
        lambda: plc.build_tombstone(tombstone, HIGH),
        lambda: plc.normalize(tombstone),
        lambda: plc.data_of(log.did, tombstone),
    ]
    for build in builds:
        with pytest.raises(plc.TombstonedError):
            build()


def test_tombstone_can_be_undone() -> None:
    log = Log()
    log.add(plc.build_tombstone(log.entries[0].operation, LOW))
    tombstone = log.entries[1].cid

    assert log.add(log.update(MIDDLE, "back.example", after=0)) == {tombstone}
    assert plc.verify_log(log.did, log.entries) == log.entries


def test_recovery_undoes_everything_after_its_prev() -> None:
    log = Log()
    log.add(log.update(LOW, "one.example"))
    log.add(log.update(LOW, "two.example"))
    lost = {entry.cid for entry in log.entries[1:]}

    assert log.add(log.update(MIDDLE, "three.example", after=0)) == lost
    assert [entry.nullified for entry in log.entries] == [False, True, True, False]
    assert plc.verify_log(log.did, log.entries) == log.entries


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        (LOW, LOW, False),
        (LOW, MIDDLE, True),
        (LOW, HIGH, True),
        (MIDDLE, LOW, False),
        (MIDDLE, MIDDLE, False),
        (MIDDLE, HIGH, True),
        (HIGH, HIGH, False),
        (LOW, STRANGER, False),
    ],
)
def test_recovery_needs_more_authority(first: PrivateKey, second: PrivateKey, wins: bool) -> None:
    log = Log()
    log.add(log.update(first, "one.example"))
    recovery = log.update(second, "two.example", after=0)

    if wins:
        assert log.add(recovery) == {log.entries[1].cid}
    else:
        assert refused(log, recovery) is plc.InvalidSignatureError


def test_recovery_can_itself_be_undone() -> None:
    log = Log()
    log.add(log.update(LOW, "one.example"))
    log.add(log.update(MIDDLE, "two.example", after=0))

    assert log.add(log.update(HIGH, "three.example", after=0)) == {log.entries[2].cid}
    assert [entry.nullified for entry in log.entries] == [False, True, True, False]
    assert plc.verify_log(log.did, log.entries) == log.entries


@pytest.mark.parametrize(
    ("after_us", "error"),
    [
        (HOURS_72_US, None),
        (HOURS_72_US + 1, plc.LateRecoveryError),
        (HOURS_72_US + SECOND_US, plc.LateRecoveryError),
        (1, None),
        (0, plc.MisorderedOperationError),
        (-1, plc.MisorderedOperationError),
    ],
)
def test_recovery_window_runs_from_the_first_entry_undone(
    after_us: int, error: type[plc.PlcError] | None
) -> None:
    log = Log()
    start_us = 5 * SECOND_US
    log.add(log.update(LOW, "one.example"), start_us)
    recovery = log.update(HIGH, "two.example", after=0)

    if error is None:
        assert log.add(recovery, start_us + after_us) == {log.entries[1].cid}
    else:
        assert refused(log, recovery, start_us + after_us) is error


def test_recovery_window_does_not_restart_with_later_entries() -> None:
    log = Log()
    log.add(log.update(LOW, "one.example"), 2 * SECOND_US)
    log.add(log.update(LOW, "two.example"), 2 * SECOND_US + HOURS_72_US)

    late = log.update(HIGH, "three.example", after=0)
    timely = log.update(HIGH, "three.example", after=1)

    assert refused(log, late, 3 * SECOND_US + HOURS_72_US) is plc.LateRecoveryError
    assert log.add(timely, 3 * SECOND_US + HOURS_72_US) == {log.entries[2].cid}


def test_replayed_entry_must_be_what_it_claims() -> None:
    log = Log()
    log.add(log.update(LOW, "bob.example"))
    first, second = log.entries

    for entries in (
        [first, replace(second, cid=first.cid)],
        [first, replace(second, did="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")],
        [replace(first, operation={"type": "plc_operation"})],
    ):
        with pytest.raises(plc.InvalidOperationError):
            plc.verify_log(log.did, entries)
    with pytest.raises(plc.MisorderedOperationError):
        plc.verify_log(log.did, [first, second, second])
    assert plc.verify_log(log.did, []) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"did": None},
        {"operation": "op"},
        {"cid": 1},
        {"nullified": "false"},
        {"createdAt": None},
        {"createdAt": "yesterday"},
        {"createdAt": "2024-01-31T12:00:00"},
    ],
)
def test_row_of_an_audit_log_must_be_whole(changes: dict[str, Any]) -> None:
    row = Log().entries[0].to_json()

    with pytest.raises(plc.InvalidOperationError):
        plc.LogEntry.from_json(row | changes)
