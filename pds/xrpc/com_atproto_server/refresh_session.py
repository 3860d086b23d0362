"""com.atproto.server.refreshSession: new tokens for a refresh token."""

from __future__ import annotations

from typing import Any

from pds.errors import MissingTokenIdError
from pds.xrpc.limits import REFRESH_SESSION
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.session_view import session_view


@procedure("com.atproto.server.refreshSession", auth=Auths.REFRESH, limits=REFRESH_SESSION)
def refresh_session(call: Call) -> dict[str, Any]:
    if call.caller.token_id is None:
        raise MissingTokenIdError
    return session_view(call, call.services.sessions.refresh(call.did, call.caller.token_id))
