"""com.atproto.admin.getAccountInfo: one account with its address and invite codes."""

from __future__ import annotations

from typing import Any

from pds.xrpc.account_view import account_view
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.admin.getAccountInfo", auth=Auths.MODERATOR)
def get_account_info(call: Call) -> dict[str, Any]:
    return account_view(call.services.account_infos.get(call.params["did"]))
