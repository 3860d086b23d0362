"""com.atproto.server.createInviteCode: one code."""

from __future__ import annotations

from typing import Any

from pds.services.invites import ADMIN
from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.createInviteCode", auth=Auths.ADMIN)
def create_invite_code(call: Call) -> dict[str, Any]:
    owner = call.input.get("forAccount", ADMIN)
    [(_, [code])] = call.services.invites.create(call.input["useCount"], [owner])
    return {"code": code}
