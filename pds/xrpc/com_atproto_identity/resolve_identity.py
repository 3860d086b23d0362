"""com.atproto.identity.resolveIdentity: DID, document and verified handle of anybody."""

from __future__ import annotations

from typing import Any

from pds.xrpc.identity_view import identity_view
from pds.xrpc.limits import RESOLVE_IDENTITY
from pds.xrpc.method import Auths, Call, query


@query(
    "com.atproto.identity.resolveIdentity",
    auth=Auths.NONE,
    limits=RESOLVE_IDENTITY,
    asks_others=True,
)
def resolve_identity(call: Call) -> dict[str, Any]:
    return identity_view(call.services.identity_resolution.resolve(call.params["identifier"]))
