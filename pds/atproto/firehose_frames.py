"""The messages of the event stream: a header and a payload, two CBOR objects in one frame.

Each event is kept without ``seq`` and ``time``, which it gets when it is stored; ``encode`` then
gives the bytes that every subscriber receives.

Spec: https://atproto.com/specs/event-stream and https://atproto.com/specs/sync#firehose
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pds.atproto import dag_cbor
from pds.atproto.dag_cbor import Value
from pds.atproto.repo import RepoChange

MAX_FRAME_BYTES = 5_000_000
MAX_SYNC_BLOCKS_BYTES = 10_000


class FrameError(ValueError):
    """Not a frame, or an event that has no valid frame."""


def _header(kind: str) -> bytes:
    return dag_cbor.encode({"op": 1, "t": kind})


_COMMIT = _header("#commit")
_SYNC = _header("#sync")
_IDENTITY = _header("#identity")
_ACCOUNT = _header("#account")
_INFO = _header("#info")
_ERROR = dag_cbor.encode({"op": -1})


@dataclass(frozen=True, slots=True)
class CommitEvent:
    """A repository has a new commit."""

    change: RepoChange

    def encode(self, seq: int, time: str) -> bytes:
        change = self.change
        payload: dict[str, Value] = {
            "seq": seq,
            "time": time,
            "repo": change.did,
            "commit": change.commit,
            "rev": change.rev,
            "since": change.since,
            "blocks": change.car,
            "ops": [op.to_value() for op in change.ops],
            # Deprecated, but the Lexicon still demands these three.
            "rebase": False,
            "tooBig": False,
            "blobs": [],
        }
        if change.prev_data is not None:
            payload["prevData"] = change.prev_data
        return _COMMIT + dag_cbor.encode(payload)


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """A repository stands at this commit, whatever came before; ``blocks`` is a CAR with it."""

    did: str
    rev: str
    blocks: bytes

    def __post_init__(self) -> None:
        if len(self.blocks) > MAX_SYNC_BLOCKS_BYTES:
            raise FrameError(f"a #sync event has at most {MAX_SYNC_BLOCKS_BYTES} bytes of blocks")

    def encode(self, seq: int, time: str) -> bytes:
        return _SYNC + dag_cbor.encode(
            {"seq": seq, "time": time, "did": self.did, "rev": self.rev, "blocks": self.blocks}
        )


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """A DID document or handle may have changed; None leaves the handle for others to find."""

    did: str
    handle: str | None

    def encode(self, seq: int, time: str) -> bytes:
        payload: dict[str, Value] = {"seq": seq, "time": time, "did": self.did}
        if self.handle is not None:
            payload["handle"] = self.handle
        return _IDENTITY + dag_cbor.encode(payload)


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """An account is hosted here, or why it is not (``deactivated``, ``takendown``, …)."""

    did: str
    active: bool
    status: str | None

    def encode(self, seq: int, time: str) -> bytes:
        payload: dict[str, Value] = {
            "seq": seq,
            "time": time,
            "did": self.did,
            "active": self.active,
        }
        if self.status is not None:
            payload["status"] = self.status
        return _ACCOUNT + dag_cbor.encode(payload)


Event = CommitEvent | SyncEvent | IdentityEvent | AccountEvent


def encode_info(name: str, message: str | None = None) -> bytes:
    """Encode a notice such as ``OutdatedCursor``; it has no place in the sequence."""
    return _INFO + _encode_named("name", name, message)


def encode_error(error: str, message: str | None = None) -> bytes:
    """Encode an error frame, after which the connection is closed."""
    return _ERROR + _encode_named("error", error, message)


def _encode_named(field: str, name: str, message: str | None) -> bytes:
    payload: dict[str, Value] = {field: name}
    if message is not None:
        payload["message"] = message
    return dag_cbor.encode(payload)


def decode_frame(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Decode a frame strictly into header and payload, for tests and tools.

    Raises:
        FrameError: too long, not two canonical maps and nothing else, or a header without the
            operation and, on messages, the type.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise FrameError(f"a frame has at most {MAX_FRAME_BYTES} bytes")
    try:
        header, offset = dag_cbor.decode_prefix(data)
        payload, end = dag_cbor.decode_prefix(data, offset)
    except dag_cbor.DagCborError as error:
        raise FrameError(f"the frame is not canonical CBOR: {error}") from error
    if end != len(data):
        raise FrameError("there are bytes after the payload")
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise FrameError("header and payload are maps")
    op = header.get("op")
    if type(op) is not int or (op == 1 and not isinstance(header.get("t"), str)):
        raise FrameError("the header has no operation or no type")
    return header, payload
