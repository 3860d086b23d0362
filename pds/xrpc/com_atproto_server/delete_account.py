"""com.atproto.server.deleteAccount: an owner ends the account, with password and code."""

from __future__ import annotations

from pds.xrpc.limits import DELETE_ACCOUNT
from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.deleteAccount", auth=Auths.NONE, limits=DELETE_ACCOUNT)
def delete_account(call: Call) -> None:
    given = call.input
    call.services.accounts.delete_own(
        given["did"],
        given["password"],
        given["token"],
        device=call.device,
        bypass_key=call.headers.get("X-RateLimit-Bypass"),
    )
