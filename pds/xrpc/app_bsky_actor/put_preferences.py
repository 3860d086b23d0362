"""app.bsky.actor.putPreferences: replace the private settings of the caller's account."""

from __future__ import annotations

from pds.services.preferences import MAX_TOTAL_BYTES
from pds.services.session_scopes import Scope
from pds.xrpc.limits import PUT_PREFERENCES
from pds.xrpc.method import JSON_LIMIT_BYTES, Auths, Call, procedure
from pds.xrpc.proxy_header import HEADER, names_other_service

NSID = "app.bsky.actor.putPreferences"


@procedure(
    NSID,
    auth=Auths.USER_NOT_TAKEN_DOWN,
    limits=PUT_PREFERENCES,
    body_limit_bytes=MAX_TOTAL_BYTES + JSON_LIMIT_BYTES,
    asks_others=True,
)
def put_preferences(call: Call) -> None:
    services = call.services
    if names_other_service(call):
        target = services.proxying.target(NSID, call.headers.get(HEADER))
        services.upstream_calls.send(call.did, NSID, call.input, target)
        return
    account = services.accounts.get_account(call.did)
    full_access = call.caller.scope == Scope.ACCESS
    services.preferences.put(account, call.input["preferences"], full_access=full_access)
