"""com.atproto.server.deactivateAccount: go silent without leaving."""

from __future__ import annotations

from pds.xrpc.limits import DEACTIVATE_ACCOUNT
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.server.deactivateAccount",
    auth=Auths.FULL_USER_OR_TAKEN_DOWN,
    limits=DEACTIVATE_ACCOUNT,
)
def deactivate_account(call: Call) -> None:
    call.services.accounts.deactivate(call.did, call.input.get("deleteAfter"))
