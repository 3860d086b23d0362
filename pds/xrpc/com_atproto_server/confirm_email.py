"""com.atproto.server.confirmEmail: show the code that arrived at the account's address."""

from __future__ import annotations

from pds.xrpc.limits import CONFIRM_EMAIL
from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.confirmEmail", auth=Auths.USER_NOT_TAKEN_DOWN, limits=CONFIRM_EMAIL)
def confirm_email(call: Call) -> None:
    call.services.email_addresses.confirm(call.did, call.input["email"], call.input["token"])
