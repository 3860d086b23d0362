"""com.atproto.admin.updateAccountHandle: a new name for anybody's account, reserved ones too."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.admin.updateAccountHandle", auth=Auths.ADMIN)
def update_account_handle(call: Call) -> None:
    given = call.input
    call.services.handle_changes.change(given["did"], given["handle"], by_admin=True)
