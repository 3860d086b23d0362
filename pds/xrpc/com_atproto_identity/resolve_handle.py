"""com.atproto.identity.resolveHandle: whose handle is this?"""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.identity.resolveHandle", auth=Auths.NONE, asks_others=True)
def resolve_handle(call: Call) -> dict[str, Any]:
    return {"did": call.services.handles.resolve(call.params["handle"])}
