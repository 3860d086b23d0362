"""com.atproto.identity.getRecommendedDidCredentials: what a DID must say to live here."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.identity.getRecommendedDidCredentials", auth=Auths.USER)
def get_recommended_did_credentials(call: Call) -> dict[str, Any]:
    return call.services.plc_operations.recommended(call.did)
