"""app.bsky.ageassurance.getState: whether the caller is of age, as apps want to know it."""

from __future__ import annotations

from typing import Any

from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.age_assurance import is_vouched_for
from pds.xrpc.forwarding import forward
from pds.xrpc.method import Auths, Call, query

NSID = "app.bsky.ageassurance.getState"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_state(call: Call) -> dict[str, Any] | UpstreamReply:
    if not is_vouched_for(call):
        return forward(call, NSID)
    account = call.services.accounts.get_account(call.did)
    return {
        "state": {"status": "assured", "access": "full"},
        "metadata": {"accountCreatedAt": account.created_at},
    }
