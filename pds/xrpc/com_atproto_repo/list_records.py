"""com.atproto.repo.listRecords: page through a collection."""

from __future__ import annotations

from typing import Any

from pds.atproto.syntax.record_key import is_record_key
from pds.errors import InvalidRequestError
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.repo.listRecords", auth=Auths.NONE)
def list_records(call: Call) -> dict[str, Any]:
    params = call.params
    cursor = params.get("cursor")
    if cursor is not None and not is_record_key(cursor):
        message = "Malformed cursor"
        raise InvalidRequestError(message)
    page = call.services.records.list_page(
        params["repo"],
        params["collection"],
        limit=params["limit"],
        cursor=cursor,
        reverse=params.get("reverse", False),
    )
    reply: dict[str, Any] = {
        "records": [{"uri": r.uri, "cid": str(r.cid), "value": r.value} for r in page]
    }
    if page:
        reply["cursor"] = page[-1].uri.rpartition("/")[2]
    return reply
