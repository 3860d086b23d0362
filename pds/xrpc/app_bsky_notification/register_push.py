"""app.bsky.notification.registerPush: tell a service where to send the caller's notifications."""

from __future__ import annotations

from pds.xrpc.limits import REGISTER_PUSH
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.push_service import tell_push_service

NSID = "app.bsky.notification.registerPush"


@procedure(NSID, auth=Auths.PROXIED, limits=REGISTER_PUSH, asks_others=True)
def register_push(call: Call) -> None:
    tell_push_service(call, NSID)
