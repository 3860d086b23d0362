"""com.atproto.identity.requestPlcOperationSignature: send the code that signing takes.

A taken-down account may: signing is how its owner moves away.
"""

from __future__ import annotations

from pds.xrpc.limits import REQUEST_PLC_OPERATION_SIGNATURE
from pds.xrpc.method import Auths, Call, NoBody, procedure
from pds.xrpc.notices import told


@procedure(
    "com.atproto.identity.requestPlcOperationSignature",
    auth=Auths.FULL_USER_OR_TAKEN_DOWN,
    limits=REQUEST_PLC_OPERATION_SIGNATURE,
)
def request_plc_operation_signature(call: Call) -> NoBody:
    return told(call.services.plc_operations.request_signature(call.did))
