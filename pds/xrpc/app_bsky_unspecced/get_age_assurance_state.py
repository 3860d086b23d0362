"""app.bsky.unspecced.getAgeAssuranceState: the question of getState, from older apps."""

from __future__ import annotations

from typing import Any

from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.age_assurance import is_vouched_for
from pds.xrpc.forwarding import forward
from pds.xrpc.method import Auths, Call, query

NSID = "app.bsky.unspecced.getAgeAssuranceState"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_age_assurance_state(call: Call) -> dict[str, Any] | UpstreamReply:
    if not is_vouched_for(call):
        return forward(call, NSID)
    return {"status": "assured"}
