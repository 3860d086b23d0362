"""com.atproto.temp.checkHandleAvailability: may a new account have this handle?"""

from __future__ import annotations

from typing import Any

from pds.xrpc.limits import CHECK_HANDLE_AVAILABILITY
from pds.xrpc.method import Auths, Call, query

NSID = "com.atproto.temp.checkHandleAvailability"


@query(NSID, auth=Auths.NONE, limits=CHECK_HANDLE_AVAILABILITY)
def check_handle_availability(call: Call) -> dict[str, Any]:
    given = call.params
    found = call.services.handle_suggestions.check(
        given["handle"], email=given.get("email"), birth_date=given.get("birthDate")
    )
    if found.is_available:
        return {"handle": given["handle"], "result": {"$type": f"{NSID}#resultAvailable"}}
    suggestions = [{"handle": each.handle, "method": each.method} for each in found.suggestions]
    result = {"$type": f"{NSID}#resultUnavailable", "suggestions": suggestions}
    return {"handle": given["handle"], "result": result}
