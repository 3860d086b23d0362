"""com.atproto.admin.searchAccounts: accounts by a part of their e-mail address, or all."""

from __future__ import annotations

from typing import Any

from pds.xrpc.account_view import account_view
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.admin.searchAccounts", auth=Auths.MODERATOR)
def search_accounts(call: Call) -> dict[str, Any]:
    params = call.params
    found, cursor = call.services.account_infos.search(
        params.get("email", ""), params.get("cursor"), params["limit"]
    )
    reply: dict[str, Any] = {"accounts": [account_view(info) for info in found]}
    if cursor is not None:
        reply["cursor"] = cursor
    return reply
