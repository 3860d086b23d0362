"""app.bsky.actor.putPreferences: replace the private settings of the caller's account."""

from __future__ import annotations

from pds.services.preferences import MAX_TOTAL_BYTES
from pds.services.session_scopes import Scope
from pds.xrpc.limits import PUT_PREFERENCES
from pds.xrpc.method import JSON_LIMIT_BYTES, Auths, Call, procedure
from pds.xrpc.proxy_header import refuse_other_service


@procedure(
    "app.bsky.actor.putPreferences",
    auth=Auths.USER_NOT_TAKEN_DOWN,
    limits=PUT_PREFERENCES,
    body_limit_bytes=MAX_TOTAL_BYTES + JSON_LIMIT_BYTES,
)
def put_preferences(call: Call) -> None:
    refuse_other_service(call)
    account = call.services.accounts.get_account(call.did)
    call.services.preferences.put(
        account, call.input["preferences"], full_access=call.caller.scope == Scope.ACCESS
    )
