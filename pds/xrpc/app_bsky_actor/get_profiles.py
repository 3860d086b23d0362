"""app.bsky.actor.getProfiles: some profiles, the caller's own as it is here."""

from __future__ import annotations

from pds.services.read_after_write.profiles import munge_profiles
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.read_after_write import complete

NSID = "app.bsky.actor.getProfiles"


@query(NSID, auth=Auths.PROXIED, asks_others=True)
def get_profiles(call: Call) -> UpstreamReply | Body:
    return complete(call, NSID, munge_profiles)
