"""com.atproto.sync.getLatestCommit: CID and rev of a repo's head."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.sync.getLatestCommit", auth=Auths.OPTIONAL)
def get_latest_commit(call: Call) -> dict[str, Any]:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    cid, rev = call.services.repo_export.latest_commit(account)
    return {"cid": str(cid), "rev": rev}
