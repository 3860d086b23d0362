"""app.bsky.feed.getActorLikes: what somebody likes."""

from __future__ import annotations

from pds.services.read_after_write.feeds import munge_actor_likes
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.read_after_write import complete

NSID = "app.bsky.feed.getActorLikes"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_actor_likes(call: Call) -> UpstreamReply | Body:
    return complete(call, NSID, munge_actor_likes)
