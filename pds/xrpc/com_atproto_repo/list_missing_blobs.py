"""com.atproto.repo.listMissingBlobs: blobs that the caller's records need and nobody uploaded."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.repo.listMissingBlobs", auth=Auths.USER)
def list_missing_blobs(call: Call) -> dict[str, Any]:
    account = call.services.accounts.get_account(call.did)
    missing, cursor = call.services.blobs.list_missing(
        account, limit=call.params["limit"], cursor=call.params.get("cursor")
    )
    reply: dict[str, Any] = {
        "blobs": [{"cid": str(blob.cid), "recordUri": blob.record_uri} for blob in missing]
    }
    if cursor is not None:
        reply["cursor"] = cursor
    return reply
