"""com.atproto.server.requestEmailUpdate: send a code to the present address, if it is confirmed."""

from __future__ import annotations

from typing import Any

from pds.xrpc.limits import REQUEST_EMAIL_UPDATE
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.server.requestEmailUpdate",
    auth=Auths.FULL_USER_NOT_TAKEN_DOWN,
    limits=REQUEST_EMAIL_UPDATE,
)
def request_email_update(call: Call) -> dict[str, Any]:
    requested = call.services.email_addresses.request_change(call.did)
    if not requested.token_required:
        return {"tokenRequired": False}
    return {"tokenRequired": True, "message": requested.hint}
