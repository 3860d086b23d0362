"""com.atproto.server.requestPasswordReset: send a code to an address, if an account has it."""

from __future__ import annotations

from pds.xrpc.limits import REQUEST_PASSWORD_RESET
from pds.xrpc.method import Auths, Call, NoBody, procedure
from pds.xrpc.notices import told


@procedure(
    "com.atproto.server.requestPasswordReset", auth=Auths.NONE, limits=REQUEST_PASSWORD_RESET
)
def request_password_reset(call: Call) -> NoBody:
    return told(call.services.password_changes.request_reset(call.input["email"]))
