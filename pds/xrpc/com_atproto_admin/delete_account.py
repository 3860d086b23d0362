"""com.atproto.admin.deleteAccount: delete somebody's account."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.admin.deleteAccount", auth=Auths.ADMIN)
def delete_account(call: Call) -> None:
    call.services.accounts.delete(call.input["did"])
