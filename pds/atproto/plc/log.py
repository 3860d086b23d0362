"""The log of a did:plc: what may follow what, and what a recovery undoes.

Terms: an entry is *live* until a recovery nullifies it; the live entries form one chain, whose last
is the *head*. Rotation keys are in order of authority. A *recovery* names an earlier live entry as
its ``prev``, thereby undoing all that came after it: it must be signed by a key with more authority
than the one that signed the first entry undone, within 72 hours of that entry.

Spec: https://web.plc.directory/spec/v0.1/did-plc
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pds.atproto.crypto.did_key import InvalidKeyError
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.plc.limits import check_limits
from pds.atproto.plc.operations import (
    InvalidOperationError,
    InvalidSignatureError,
    LateRecoveryError,
    MisorderedOperationError,
    Operation,
    TombstonedError,
    check_structure,
    decode_signature,
    did_for,
    normalize,
    operation_cid,
    signed_bytes,
)
from pds.atproto.syntax.datetime import format_datetime

RECOVERY_WINDOW_US: Final = 72 * 60 * 60 * 1_000_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An operation as the directory keeps it; ``created_at_us`` is the directory's clock."""

    did: str
    operation: Operation
    cid: str
    nullified: bool
    created_at_us: int

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> LogEntry:
        """Read a row of ``/log/audit``.

        Raises:
            InvalidOperationError: a field is missing or of the wrong type.
        """
        did, operation, cid = row.get("did"), row.get("operation"), row.get("cid")
        nullified, created_at = row.get("nullified"), row.get("createdAt")
        if not (isinstance(did, str) and isinstance(cid, str) and isinstance(nullified, bool)):
            raise InvalidOperationError("not a row of an audit log")
        if not (isinstance(operation, dict) and isinstance(created_at, str)):
            raise InvalidOperationError("not a row of an audit log")
        return cls(did, operation, cid, nullified, _microseconds(created_at))

    def to_json(self) -> dict[str, Any]:
        """The row of ``/log/audit``."""
        return {
            "did": self.did,
            "operation": self.operation,
            "cid": self.cid,
            "nullified": self.nullified,
            "createdAt": format_datetime(self.created_at_us),
        }


def verify_log(did: str, entries: Sequence[LogEntry]) -> list[LogEntry]:
    """Replay a whole log and return it with ``nullified`` as the rules have it.

    Limits for new operations are not applied: some old ones are beyond them.

    Raises:
        PlcError: the first operation that breaks a rule; its class says which kind.
    """
    verified: list[LogEntry] = []
    for entry in entries:
        check_structure(entry.operation)
        if entry.did != did or entry.cid != str(operation_cid(entry.operation)):
            raise InvalidOperationError("an entry of the log is not what it claims to be")
        undone = _check_next(did, verified, entry.operation, entry.created_at_us)
        verified = [
            replace(earlier, nullified=True) if earlier.cid in undone else earlier
            for earlier in verified
        ]
        verified.append(replace(entry, nullified=False))
    return verified


def accept_operation(
    did: str, log: Sequence[LogEntry], operation: Operation, created_at_us: int
) -> set[str]:
    """Decide about a submission; return the CIDs of the entries that it nullifies.

    ``log`` is the whole log, oldest first, and trusted. Limits are applied.

    Raises:
        InvalidOperationError: malformed, beyond a limit, or of another DID.
        InvalidSignatureError: not signed by a key that may.
        MisorderedOperationError: already there, or ``prev`` names no live entry.
        TombstonedError: ``prev`` ended the DID.
        LateRecoveryError: more than 72 hours after the entry that it would undo.
    """
    check_limits(operation)
    return _check_next(did, log, operation, created_at_us)


def _check_next(
    did: str, log: Sequence[LogEntry], operation: Operation, created_at_us: int
) -> set[str]:
    if not log:
        _check_genesis(did, operation)
        return set()
    cid = str(operation_cid(operation))
    live = [entry for entry in log if not entry.nullified]
    position = {entry.cid: index for index, entry in enumerate(live)}.get(operation["prev"])
    if position is None or any(entry.cid == cid for entry in log):
        raise MisorderedOperationError("prev must be an operation of this DID that is still valid")
    before, undone = live[position], live[position + 1 :]
    if before.operation["type"] == "plc_tombstone":
        raise TombstonedError("the DID is tombstoned")
    keys = normalize(before.operation)["rotationKeys"]
    if undone:
        # First the authority: whoever has none learns nothing about times.
        authority = _signer_index(undone[0].operation, keys)
        _signer_index(operation, keys[:authority])
        _check_recovery_time(undone, created_at_us)
    else:
        _signer_index(operation, keys)
    return {entry.cid for entry in undone}


def _check_genesis(did: str, operation: Operation) -> None:
    if operation["prev"] is not None:
        raise MisorderedOperationError("the first operation of a DID has no prev")
    if did_for(operation) != did:
        raise InvalidOperationError("the hash of the first operation is not the DID")
    _signer_index(operation, normalize(operation)["rotationKeys"])


def _check_recovery_time(undone: Sequence[LogEntry], created_at_us: int) -> None:
    if created_at_us - undone[0].created_at_us > RECOVERY_WINDOW_US:
        raise LateRecoveryError("an operation can be undone within 72 hours only")
    if created_at_us <= undone[-1].created_at_us:
        raise MisorderedOperationError("a recovery must be later than what it undoes")


def _signer_index(operation: Operation, keys: Sequence[str]) -> int:
    """The first of ``keys`` that signed; the first, because a log may hold duplicates."""
    message, signature = signed_bytes(operation), decode_signature(operation)
    for index, key in enumerate(keys):
        if _verifies(key, message, signature):
            return index
    raise InvalidSignatureError("the operation is not signed by a key with the right to do so")


def _verifies(key: str, message: bytes, signature: bytes) -> bool:
    try:
        return PublicKey.from_did_key(key).verify(message, signature)
    except InvalidKeyError:
        return False  # an old log may name keys of other types; they cannot sign


def _microseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidOperationError("createdAt is not a date and time") from error
    if moment.tzinfo is None:
        raise InvalidOperationError("createdAt has no time zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)
