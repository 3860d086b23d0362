"""com.atproto.server.getAccountInviteCodes: the codes a member may hand out."""

from __future__ import annotations

from typing import Any

from pds.xrpc.invite_view import invite_view
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.server.getAccountInviteCodes", auth=Auths.FULL_USER_NOT_TAKEN_DOWN)
def get_account_invite_codes(call: Call) -> dict[str, Any]:
    codes = call.services.invites.codes_of(
        call.did,
        include_used=call.params["includeUsed"],
        create_earned=call.params["createAvailable"],
    )
    return {"codes": [invite_view(code) for code in codes]}
