"""app.bsky.feed.getAuthorFeed: somebody's posts, the caller's own to the last."""

from __future__ import annotations

from pds.services.read_after_write.feeds import munge_author_feed
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.read_after_write import complete

NSID = "app.bsky.feed.getAuthorFeed"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_author_feed(call: Call) -> UpstreamReply | Body:
    return complete(call, NSID, munge_author_feed)
