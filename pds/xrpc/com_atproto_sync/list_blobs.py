"""com.atproto.sync.listBlobs: the blobs that an account's records refer to."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.sync.listBlobs", auth=Auths.OPTIONAL_OR_TAKEN_DOWN)
def list_blobs(call: Call) -> dict[str, Any]:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    params = call.params
    cids, cursor = call.services.blobs.list_blobs(
        account,
        since=params.get("since"),
        limit=params["limit"],
        cursor=params.get("cursor"),
    )
    reply: dict[str, Any] = {"cids": [str(cid) for cid in cids]}
    if cursor is not None:
        reply["cursor"] = cursor
    return reply
