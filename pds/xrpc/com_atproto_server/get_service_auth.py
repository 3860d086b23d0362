"""com.atproto.server.getServiceAuth: a token with which to call another server."""

from __future__ import annotations

from typing import Any

from pds.errors import AuthMissingError
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.server.getServiceAuth", auth=Auths.USER_OR_TAKEN_DOWN)
def get_service_auth(call: Call) -> dict[str, Any]:
    if call.caller.scope is None and call.caller.scopes is None:
        raise AuthMissingError
    token = call.services.service_auth.grant(
        call.did,
        call.caller.scope,
        call.params["aud"],
        call.params.get("lxm"),
        call.params.get("exp"),
    )
    return {"token": token}
