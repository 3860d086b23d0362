"""com.atproto.server.getSession: whose session is this?"""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query
from pds.xrpc.session_view import account_view


@query("com.atproto.server.getSession", auth=Auths.USER)
def get_session(call: Call) -> dict[str, Any]:
    return account_view(call, call.services.sessions.get_session_account(call.did))
