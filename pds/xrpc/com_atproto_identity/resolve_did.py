"""com.atproto.identity.resolveDid: the document of a DID."""

from __future__ import annotations

from typing import Any

from pds.xrpc.limits import RESOLVE_IDENTITY
from pds.xrpc.method import Auths, Call, query


@query(
    "com.atproto.identity.resolveDid", auth=Auths.NONE, limits=RESOLVE_IDENTITY, asks_others=True
)
def resolve_did(call: Call) -> dict[str, Any]:
    return {"didDoc": call.services.identity_resolution.document(call.params["did"])}
