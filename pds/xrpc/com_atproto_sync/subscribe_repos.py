"""com.atproto.sync.subscribeRepos: the firehose."""

from __future__ import annotations

from pds.services.sequencer import Subscription
from pds.xrpc.limits import SUBSCRIBE
from pds.xrpc.method import Auths, Call, subscription


@subscription("com.atproto.sync.subscribeRepos", auth=Auths.NONE, limits=SUBSCRIBE)
def subscribe_repos(call: Call) -> Subscription:
    return call.services.sequencer.subscribe(call.params.get("cursor"))
