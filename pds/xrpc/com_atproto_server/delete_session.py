"""com.atproto.server.deleteSession: log out."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.deleteSession", auth=Auths.REFRESH_OR_EXPIRED)
def delete_session(call: Call) -> None:
    if call.caller.token_id is not None:
        call.services.sessions.log_out(call.caller.token_id, call.caller.session_id)
