"""com.atproto.admin.enableAccountInvites: a member earns open invite codes again."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.admin.enableAccountInvites", auth=Auths.MODERATOR)
def enable_account_invites(call: Call) -> None:
    call.services.invites.set_earning(call.input["account"], allowed=True)
