"""com.atproto.identity.submitPlcOperation: check an operation and send it to the directory.

App passwords may not, unlike on the reference server; an account that moves in is deactivated and
must be able to.
"""

from __future__ import annotations

from pds.xrpc.limits import SUBMIT_PLC_OPERATION
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.identity.submitPlcOperation",
    auth=Auths.FULL_USER_NOT_TAKEN_DOWN,
    limits=SUBMIT_PLC_OPERATION,
)
def submit_plc_operation(call: Call) -> None:
    call.services.plc_operations.submit(call.did, call.input["operation"])
