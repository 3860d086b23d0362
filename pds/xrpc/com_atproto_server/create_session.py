"""com.atproto.server.createSession: log in with a password."""

from __future__ import annotations

from typing import Any

from pds.xrpc.limits import CREATE_SESSION
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.session_view import session_view


@procedure("com.atproto.server.createSession", auth=Auths.NONE, limits=CREATE_SESSION)
def create_session(call: Call) -> dict[str, Any]:
    session = call.services.sessions.login(
        call.input["identifier"],
        call.input["password"],
        allow_takendown=call.input.get("allowTakendown", False),
        device=call.device,
        factor_token=call.input.get("authFactorToken"),
        bypass_key=call.headers.get("X-RateLimit-Bypass"),
    )
    return session_view(call, session)
