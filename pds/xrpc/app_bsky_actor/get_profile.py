"""app.bsky.actor.getProfile: one profile, the caller's own as it is here."""

from __future__ import annotations

from pds.services.read_after_write.profiles import munge_profile
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.read_after_write import complete

NSID = "app.bsky.actor.getProfile"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_profile(call: Call) -> UpstreamReply | Body:
    return complete(call, NSID, munge_profile)
