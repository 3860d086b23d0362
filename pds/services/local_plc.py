"""The embedded did:plc directory of local mode: the same rules as the public one, no network.

Tricky bits
- Times are kept in whole milliseconds, because that is all ``createdAt`` shows and the recovery
  window is judged by what was shown.
- Signatures are checked before the transaction; inside it only the log's state is compared.
Spec: https://web.plc.directory/spec/v0.1/did-plc
"""

from __future__ import annotations

from typing import Any

from pds.atproto import plc
from pds.atproto.did_document import render_plc_document
from pds.atproto.syntax.datetime import format_datetime
from pds.network.plc_directory import (
    NotRegisteredError,
    Operation,
    OperationConflictError,
    OperationRefusedError,
    TombstonedDidError,
)
from pds.services.clock import Clock
from pds.storage import plc_operations
from pds.storage.database import transaction
from pds.storage.plc_operations import PlcRow

MS = 1_000  # microseconds
MAX_EXPORT = 1_000


class LocalPlc:
    """A PlcDirectory kept in this server's own database."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def submit(self, did: str, operation: Operation) -> None:
        """Check an operation and add it to the log of ``did``; all or nothing.

        Submitting an operation that the log already holds and that is not nullified does nothing,
        so that an account creation can be resumed after a crash.

        Raises:
            OperationRefusedError: it is not valid.
            OperationConflictError: another operation for this DID was accepted meanwhile.
        """
        log = plc_operations.operations_of(did)
        try:
            cid = str(plc.operation_cid(operation))
            if any(row.cid == cid and not row.nullified for row in log):
                return
            created_at_us = self._next_time(log)
            nullified = plc.accept_operation(
                did, [_entry(row) for row in log], operation, created_at_us
            )
        except plc.PlcError as error:
            raise OperationRefusedError(f"Invalid operation: {error}") from error
        self._append(did, cid, operation, created_at_us, log=log, nullified=nullified)

    def document(self, did: str) -> dict[str, Any]:
        return render_plc_document(did, self.data(did))

    def data(self, did: str) -> dict[str, Any]:
        last = self.last(did)
        if last["type"] == "plc_tombstone":
            raise TombstonedDidError(f"DID not available: {did}")
        return plc.data_of(did, last)

    def log(self, did: str) -> list[Operation]:
        return [row.operation for row in _registered(did) if not row.nullified]

    def audit_log(self, did: str) -> list[dict[str, Any]]:
        return [_audit_entry(row) for row in _registered(did)]

    def last(self, did: str) -> Operation:
        return self.log(did)[-1]

    def has(self, did: str) -> bool:
        return bool(plc_operations.state_of(did))

    def export(self, after: int | None = None, count: int = MAX_EXPORT) -> list[dict[str, Any]]:
        """Operations of all DIDs in order, at most ``count``, numbered above ``after``.

        Without ``after`` the answer has the older form that has no numbers.
        """
        limit = max(0, min(count, MAX_EXPORT))
        if after is None:
            return [_audit_entry(row) for row in plc_operations.operations_after_seq(0, limit)]
        return [_sequenced(row) for row in plc_operations.operations_after_seq(after, limit)]

    def export_since(self, after_us: int, count: int = MAX_EXPORT) -> list[dict[str, Any]]:
        """The older form of the export: operations accepted later than a point in time."""
        limit = max(0, min(count, MAX_EXPORT))
        return [_audit_entry(row) for row in plc_operations.operations_after_time(after_us, limit)]

    def _next_time(self, log: list[PlcRow]) -> int:
        now_us = self._clock() // MS * MS
        return max(now_us, log[-1].created_at_us + MS) if log else now_us

    @staticmethod
    def _append(
        did: str,
        cid: str,
        operation: Operation,
        created_at_us: int,
        *,
        log: list[PlcRow],
        nullified: set[str],
    ) -> None:
        with transaction():
            if plc_operations.state_of(did) != [(row.cid, row.nullified) for row in log]:
                raise OperationConflictError
            plc_operations.nullify_operations(did, nullified)
            plc_operations.append_operation(did, cid, operation, created_at_us)


def _registered(did: str) -> list[PlcRow]:
    log = plc_operations.operations_of(did)
    if not log:
        raise NotRegisteredError(f"DID not registered: {did}")
    return log


def _entry(row: PlcRow) -> plc.LogEntry:
    return plc.LogEntry(row.did, row.operation, row.cid, row.nullified, row.created_at_us)


def _audit_entry(row: PlcRow) -> dict[str, Any]:
    return _entry(row).to_json()


def _sequenced(row: PlcRow) -> dict[str, Any]:
    return {
        "type": "sequenced_op",
        "operation": row.operation,
        "did": row.did,
        "cid": row.cid,
        "createdAt": format_datetime(row.created_at_us),
        "seq": row.seq,
    }
