"""Frames of the event stream: known headers, exact fields, strict reading."""

from __future__ import annotations

import pytest

from pds.atproto import dag_cbor
from pds.atproto.cid import cid_for_cbor
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.firehose_frames import (
    MAX_FRAME_BYTES,
    MAX_SYNC_BLOCKS_BYTES,
    AccountEvent,
    CommitEvent,
    FrameError,
    IdentityEvent,
    SyncEvent,
    decode_frame,
    encode_error,
    encode_info,
)
from pds.atproto.repo import RecordWrite, RepoHead, apply_writes, initial_commit

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
KEY = PrivateKey.from_bytes(b"\x01" * 32)
TIME = "2026-11-20T14:00:00.000Z"
STAMP = {"seq": 7, "time": TIME}
FIRST = initial_commit(DID, "3jzfcijpj2z2a", KEY)


@pytest.mark.parametrize(
    ("frame", "header"),
    [
        (CommitEvent(FIRST).encode(7, TIME), "a261746723636f6d6d6974626f7001"),
        (SyncEvent(DID, FIRST.rev, b"").encode(7, TIME), "a26174652373796e63626f7001"),
        (IdentityEvent(DID, None).encode(7, TIME), "a2617469236964656e74697479626f7001"),
        (AccountEvent(DID, True, None).encode(7, TIME), "a2617468236163636f756e74626f7001"),
        (encode_info("OutdatedCursor"), "a261746523696e666f626f7001"),
        (encode_error("FutureCursor"), "a1626f7020"),
    ],
)
def test_headers_have_the_known_bytes(frame, header):
    head, payload = decode_frame(frame)

    assert frame.startswith(bytes.fromhex(header))
    assert dag_cbor.encode(head).hex() == header
    assert frame == dag_cbor.encode(head) + dag_cbor.encode(payload)


def test_first_commit_has_no_prev_data_and_a_null_since():
    header, payload = decode_frame(CommitEvent(FIRST).encode(7, TIME))

    assert header == {"t": "#commit", "op": 1}
    assert payload == {
        **STAMP,
        "repo": DID,
        "rev": "3jzfcijpj2z2a",
        "since": None,
        "commit": FIRST.commit,
        "blocks": FIRST.car,
        "ops": [],
        "blobs": [],
        "tooBig": False,
        "rebase": False,
    }


def test_later_commits_have_operations_and_what_was_before():
    record = b"\xa0"
    cid = cid_for_cbor(record)
    write = RecordWrite("create", "com.example.a/1", cid, record)
    head = RepoHead(FIRST.commit, FIRST.rev, FIRST.data)
    change = apply_writes(
        FIRST.new_nodes.__getitem__, head, DID, [write], rev="3jzfcijpj2z2b", key=KEY
    )

    _, payload = decode_frame(CommitEvent(change).encode(8, TIME))

    assert payload["ops"] == [{"action": "create", "path": "com.example.a/1", "cid": cid}]
    assert (payload["since"], payload["prevData"]) == (FIRST.rev, FIRST.data)
    assert (payload["seq"], payload["blocks"]) == (8, change.car)


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (SyncEvent(DID, "3jz", b"car"), {"did": DID, "rev": "3jz", "blocks": b"car"}),
        (IdentityEvent(DID, "alice.test"), {"did": DID, "handle": "alice.test"}),
        (IdentityEvent(DID, None), {"did": DID}),
        (AccountEvent(DID, True, None), {"did": DID, "active": True}),
        (
            AccountEvent(DID, False, "takendown"),
            {"did": DID, "active": False, "status": "takendown"},
        ),
    ],
)
def test_payloads_have_exactly_their_fields(event, fields):
    assert decode_frame(event.encode(7, TIME))[1] == {**STAMP, **fields}


@pytest.mark.parametrize("message", [None, "why"])
def test_notices_and_errors_have_an_optional_message(message):
    extra = {} if message is None else {"message": message}

    assert decode_frame(encode_info("OutdatedCursor", message)) == (
        {"t": "#info", "op": 1},
        {"name": "OutdatedCursor", **extra},
    )
    assert decode_frame(encode_error("FutureCursor", message)) == (
        {"op": -1},
        {"error": "FutureCursor", **extra},
    )


def test_sync_blocks_have_a_greatest_size():
    SyncEvent(DID, "3jz", bytes(MAX_SYNC_BLOCKS_BYTES))

    with pytest.raises(FrameError):
        SyncEvent(DID, "3jz", bytes(MAX_SYNC_BLOCKS_BYTES + 1))


def two(header: object, payload: object) -> bytes:
    return b"".join(dag_cbor.encode(each) for each in (header, payload))  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(dag_cbor.encode({"op": -1}), id="no payload"),
        pytest.param(two({"op": -1}, {}) + b"\xa0", id="bytes left over"),
        pytest.param(two({"op": -1}, {})[:-1] + b"\xff", id="payload not CBOR"),
        pytest.param(two([], {}), id="header a list"),
        pytest.param(two({"op": -1}, []), id="payload a list"),
        pytest.param(two({}, {}), id="no op"),
        pytest.param(two({"op": True}, {}), id="op a boolean"),
        pytest.param(two({"op": 1}, {}), id="no type"),
        pytest.param(two({"op": 1, "t": 1}, {}), id="type a number"),
        pytest.param(two({"op": -1}, {"x": bytes(MAX_FRAME_BYTES)}), id="too long"),
    ],
)
def test_malformed_frames_are_refused(frame):
    with pytest.raises(FrameError):
        decode_frame(frame)


def test_unknown_operations_are_left_to_the_caller():
    assert decode_frame(two({"op": 2}, {"x": 1})) == ({"op": 2}, {"x": 1})
