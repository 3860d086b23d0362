"""app.bsky.feed.getPostThread: a post and what is around it, with the caller's newest replies."""

from __future__ import annotations

from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.read_after_write import complete_thread

NSID = "app.bsky.feed.getPostThread"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_post_thread(call: Call) -> UpstreamReply | Body:
    return complete_thread(call, NSID)
