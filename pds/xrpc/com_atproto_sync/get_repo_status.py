"""com.atproto.sync.getRepoStatus: whether an account is active, and if not, why."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.sync.getRepoStatus", auth=Auths.NONE)
def get_repo_status(call: Call) -> dict[str, Any]:
    hosted = call.services.accounts.repo_status(call.params["did"])
    if hosted.status is not None:
        return {"did": hosted.did, "active": False, "status": hosted.status}
    return {"did": hosted.did, "active": True, "rev": hosted.rev}
