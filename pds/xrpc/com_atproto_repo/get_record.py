"""com.atproto.repo.getRecord: read one record, of somebody elsewhere through the app view.

Nobody needs to log in, so only services that the operator has configured are asked. Accounts here
are answered for here, in any status: what others still have of one that is not active is old.
"""

from __future__ import annotations

from typing import Any

from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.forwarding import outgoing_of_nobody
from pds.xrpc.method import Auths, Call, query
from pds.xrpc.proxy_header import HEADER

NSID = "com.atproto.repo.getRecord"


@query(NSID, auth=Auths.NONE, asks_others=True)
def get_record(call: Call) -> dict[str, Any] | UpstreamReply:
    services, params = call.services, call.params
    named = call.headers.get(HEADER)
    can_ask = bool(named) or services.config.bsky_app_view_url is not None
    if can_ask and services.accounts.find_account(params["repo"]) is None:
        target = services.proxying.configured_target(NSID, named)
        return services.proxying.open(outgoing_of_nobody(call, NSID), target)
    record = services.records.get(
        params["repo"], params["collection"], params["rkey"], params.get("cid")
    )
    return {"uri": record.uri, "cid": str(record.cid), "value": record.value}
