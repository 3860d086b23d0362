"""app.bsky.feed.getTimeline: what the caller follows, with their own newest posts."""

from __future__ import annotations

from pds.services.read_after_write.feeds import munge_timeline
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.read_after_write import complete

NSID = "app.bsky.feed.getTimeline"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_timeline(call: Call) -> UpstreamReply | Body:
    return complete(call, NSID, munge_timeline)
