"""did:plc: make operations, limit new ones, follow a log."""

from pds.atproto.plc.limits import check_limits
from pds.atproto.plc.log import LogEntry, accept_operation, verify_log
from pds.atproto.plc.operations import (
    InvalidOperationError,
    InvalidSignatureError,
    LateRecoveryError,
    MisorderedOperationError,
    Operation,
    PlcError,
    TombstonedError,
    build_genesis,
    build_tombstone,
    build_update,
    check_structure,
    data_of,
    did_for,
    normalize,
    operation_cid,
    sign_operation,
)

__all__ = [
    "InvalidOperationError",
    "InvalidSignatureError",
    "LateRecoveryError",
    "LogEntry",
    "MisorderedOperationError",
    "Operation",
    "PlcError",
    "TombstonedError",
    "accept_operation",
    "build_genesis",
    "build_tombstone",
    "build_update",
    "check_limits",
    "check_structure",
    "data_of",
    "did_for",
    "normalize",
    "operation_cid",
    "sign_operation",
    "verify_log",
]
