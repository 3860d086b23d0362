"""com.atproto.admin.updateAccountPassword: a new password for somebody's account."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.admin.updateAccountPassword", auth=Auths.ADMIN)
def update_account_password(call: Call) -> None:
    given = call.input
    call.services.password_changes.change_by_operator(given["did"], given["password"])
