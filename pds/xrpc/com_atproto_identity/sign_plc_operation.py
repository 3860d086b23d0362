"""com.atproto.identity.signPlcOperation: an operation signed with this server's key, for a code.

A taken-down account may: this is how its owner moves away.
"""

from __future__ import annotations

from typing import Any

from pds.services.plc_operations import FIELDS
from pds.xrpc.limits import SIGN_PLC_OPERATION
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.identity.signPlcOperation",
    auth=Auths.FULL_USER_OR_TAKEN_DOWN,
    limits=SIGN_PLC_OPERATION,
)
def sign_plc_operation(call: Call) -> dict[str, Any]:
    changes = {name: call.input[name] for name in FIELDS if name in call.input}
    operation = call.services.plc_operations.sign(call.did, call.input.get("token"), changes)
    return {"operation": operation}
