"""com.atproto.server.activateAccount: the last step of a move, or the way back."""

from __future__ import annotations

from pds.xrpc.limits import ACTIVATE_ACCOUNT
from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.activateAccount", auth=Auths.FULL_USER, limits=ACTIVATE_ACCOUNT)
def activate_account(call: Call) -> None:
    call.services.accounts.activate(call.did)
