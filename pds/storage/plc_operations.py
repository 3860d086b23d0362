"""The embedded did:plc directory's log: every accepted operation, nullified ones included."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from peewee import AutoField, BooleanField, IntegerField, TextField

from pds.storage import database
from pds.storage.database import Table


class PlcOperation(Table):
    id = AutoField()
    did = TextField(index=True)
    cid = TextField()
    operation = TextField()
    nullified = BooleanField(default=False)
    created_at_us = IntegerField()

    class Meta:
        table_name = "plc_operation"
        indexes = ((("did", "cid"), True),)


@dataclass(frozen=True, slots=True)
class PlcRow:
    """One accepted operation. ``seq`` counts over all DIDs, in order of acceptance."""

    seq: int
    did: str
    cid: str
    operation: dict[str, Any]
    nullified: bool
    created_at_us: int


_COLUMNS = "id, did, cid, operation, nullified, created_at_us"
_LOG = f"SELECT {_COLUMNS} FROM plc_operation WHERE did = ? ORDER BY id"  # noqa: S608 # constants
_AFTER_SEQ = f"SELECT {_COLUMNS} FROM plc_operation WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
_AFTER_TIME = (
    f"SELECT {_COLUMNS} FROM plc_operation WHERE created_at_us > ?"  # noqa: S608
    " ORDER BY created_at_us, id LIMIT ?"
)
_CIDS = "SELECT cid, nullified FROM plc_operation WHERE did = ? ORDER BY id"
_INSERT = (
    "INSERT INTO plc_operation (did, cid, operation, nullified, created_at_us)"
    " VALUES (?, ?, ?, 0, ?)"
)
_NULLIFY = "UPDATE plc_operation SET nullified = 1 WHERE did = ? AND cid = ?"


def operations_of(did: str) -> list[PlcRow]:
    """The whole log of a DID, oldest first; empty when the DID is not registered."""
    return [_row(found) for found in database.rows(_LOG, (did,))]


def state_of(did: str) -> list[tuple[str, bool]]:
    """(CID, nullified) of each operation in order: what a submission rests on."""
    return [(cid, bool(nullified)) for cid, nullified in database.rows(_CIDS, (did,))]


def operations_after_seq(seq: int, limit: int) -> list[PlcRow]:
    """Operations of all DIDs with a number above ``seq``, in order."""
    return [_row(found) for found in database.rows(_AFTER_SEQ, (seq, limit))]


def operations_after_time(created_at_us: int, limit: int) -> list[PlcRow]:
    """Operations of all DIDs accepted later than the given time, oldest first."""
    return [_row(found) for found in database.rows(_AFTER_TIME, (created_at_us, limit))]


def append_operation(did: str, cid: str, operation: dict[str, Any], created_at_us: int) -> None:
    """Add an operation at the end of its DID's log. The caller holds the transaction."""
    text = json.dumps(operation, separators=(",", ":"))
    database.execute(_INSERT, (did, cid, text, created_at_us))


def nullify_operations(did: str, cids: set[str]) -> None:
    """Mark operations as undone by a recovery. The caller holds the transaction."""
    database.execute_many(_NULLIFY, [(did, cid) for cid in cids])


def _row(found: tuple[Any, ...]) -> PlcRow:
    seq, did, cid, operation, nullified, created_at_us = found
    return PlcRow(seq, did, cid, json.loads(operation), bool(nullified), created_at_us)
