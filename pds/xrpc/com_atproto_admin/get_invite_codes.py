"""com.atproto.admin.getInviteCodes: all codes, the newest or the most used first."""

from __future__ import annotations

from typing import Any

from pds.errors import InvalidRequestError
from pds.xrpc.invite_view import invite_view
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.admin.getInviteCodes", auth=Auths.MODERATOR)
def get_invite_codes(call: Call) -> dict[str, Any]:
    sort = call.params["sort"]
    if sort not in ("recent", "usage"):
        message = f'sort is "recent" or "usage", not "{sort}"'
        raise InvalidRequestError(message)
    codes, cursor = call.services.invites.page(
        sort, call.params.get("cursor"), call.params["limit"]
    )
    reply: dict[str, Any] = {"codes": [invite_view(code) for code in codes]}
    if cursor is not None:
        reply["cursor"] = cursor
    return reply
