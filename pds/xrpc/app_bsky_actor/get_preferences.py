"""app.bsky.actor.getPreferences: the private settings of the caller's account."""

from __future__ import annotations

from typing import Any

from pds.services.session_scopes import Scope
from pds.xrpc.method import Auths, Call, query
from pds.xrpc.proxy_header import refuse_other_service


@query("app.bsky.actor.getPreferences", auth=Auths.USER_OR_TAKEN_DOWN)
def get_preferences(call: Call) -> dict[str, Any]:
    refuse_other_service(call)
    account = call.services.accounts.get_account(call.did)
    full_access = call.caller.scope == Scope.ACCESS
    return {"preferences": call.services.preferences.get(account, full_access=full_access)}
