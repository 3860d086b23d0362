"""com.atproto.admin.disableInviteCodes: close codes by name, or all codes of some accounts."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.admin.disableInviteCodes", auth=Auths.MODERATOR)
def disable_invite_codes(call: Call) -> None:
    given = call.input
    call.services.invites.disable(given.get("codes", []), given.get("accounts", []))
