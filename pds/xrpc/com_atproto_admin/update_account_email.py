"""com.atproto.admin.updateAccountEmail: another address for somebody's account."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.admin.updateAccountEmail", auth=Auths.ADMIN)
def update_account_email(call: Call) -> None:
    given = call.input
    call.services.email_addresses.change_by_operator(given["account"], given["email"])
