"""com.atproto.sync.getHead: the CID of a repo's head, for old clients of getLatestCommit."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.sync.getHead", auth=Auths.OPTIONAL)
def get_head(call: Call) -> dict[str, Any]:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    cid, _ = call.services.repo_export.latest_commit(account)
    return {"root": str(cid)}
