"""com.atproto.server.updateEmail: another address, with a code if the present one is confirmed."""

from __future__ import annotations

from pds.xrpc.limits import UPDATE_EMAIL
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.server.updateEmail", auth=Auths.FULL_USER_NOT_TAKEN_DOWN, limits=UPDATE_EMAIL
)
def update_email(call: Call) -> None:
    given = call.input
    call.services.email_addresses.change(call.did, given["email"], given.get("token"))
