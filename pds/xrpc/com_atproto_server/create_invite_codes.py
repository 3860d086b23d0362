"""com.atproto.server.createInviteCodes: several codes, for several accounts."""

from __future__ import annotations

from typing import Any

from pds.services.invites import ADMIN
from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.createInviteCodes", auth=Auths.ADMIN)
def create_invite_codes(call: Call) -> dict[str, Any]:
    made = call.services.invites.create(
        call.input["useCount"],
        call.input.get("forAccounts", [ADMIN]),
        code_count=call.input.get("codeCount", 1),
    )
    return {"codes": [{"account": owner, "codes": codes} for owner, codes in made]}
