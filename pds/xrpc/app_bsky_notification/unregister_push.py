"""app.bsky.notification.unregisterPush: have a service send no more notifications there."""

from __future__ import annotations

from pds.xrpc.limits import REGISTER_PUSH
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.push_service import tell_push_service

NSID = "app.bsky.notification.unregisterPush"


@procedure(NSID, auth=Auths.PROXIED, limits=REGISTER_PUSH, asks_others=True)
def unregister_push(call: Call) -> None:
    tell_push_service(call, NSID)
