"""com.atproto.server.resetPassword: a new password for whoever has the code."""

from __future__ import annotations

from pds.xrpc.limits import RESET_PASSWORD
from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.resetPassword", auth=Auths.NONE, limits=RESET_PASSWORD)
def reset_password(call: Call) -> None:
    call.services.password_changes.reset(call.input["token"], call.input["password"])
