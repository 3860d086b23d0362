"""com.atproto.admin.disableAccountInvites: a member's codes to come are closed."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.admin.disableAccountInvites", auth=Auths.MODERATOR)
def disable_account_invites(call: Call) -> None:
    call.services.invites.set_earning(call.input["account"], allowed=False)
