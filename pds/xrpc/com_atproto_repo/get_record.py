"""com.atproto.repo.getRecord: read one record."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.repo.getRecord", auth=Auths.NONE)
def get_record(call: Call) -> dict[str, Any]:
    params = call.params
    record = call.services.records.get(
        params["repo"], params["collection"], params["rkey"], params.get("cid")
    )
    return {"uri": record.uri, "cid": str(record.cid), "value": record.value}
