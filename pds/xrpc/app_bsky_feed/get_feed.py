"""app.bsky.feed.getFeed: what a feed holds, with a token for the service behind it."""

from __future__ import annotations

from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.forwarding import outgoing
from pds.xrpc.method import Auths, Call, query
from pds.xrpc.proxy_header import HEADER

NSID = "app.bsky.feed.getFeed"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_feed(call: Call) -> UpstreamReply:
    services = call.services
    app_view = services.proxying.target(NSID, call.headers.get(HEADER))
    did = services.feed_generators.service_of(call.params["feed"], call.did, app_view)
    return services.proxying.open(
        outgoing(call, NSID), app_view, aud=did, lxm="app.bsky.feed.getFeedSkeleton"
    )
