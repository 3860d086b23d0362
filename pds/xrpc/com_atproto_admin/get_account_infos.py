"""com.atproto.admin.getAccountInfos: several accounts; those that are not here are left out."""

from __future__ import annotations

from typing import Any

from pds.xrpc.account_view import account_view
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.admin.getAccountInfos", auth=Auths.MODERATOR)
def get_account_infos(call: Call) -> dict[str, Any]:
    found = call.services.account_infos.get_many(call.params["dids"])
    return {"infos": [account_view(info) for info in found]}
