"""com.atproto.server.getSession: whose session is this?"""

from __future__ import annotations

from typing import Any, Final

from pds.atproto.oauth.scopes.methods import SEES_EMAIL
from pds.xrpc.method import Auths, Call, query
from pds.xrpc.session_view import account_view

_EMAIL_FIELDS: Final = ("email", "emailConfirmed", "emailAuthFactor")


@query("com.atproto.server.getSession", auth=Auths.USER)
def get_session(call: Call) -> dict[str, Any]:
    view = account_view(call, call.services.sessions.get_session_account(call.did))
    if not call.caller.permits(SEES_EMAIL):
        for name in _EMAIL_FIELDS:
            view.pop(name, None)
    return view
