"""com.atproto.sync.getRecord: a record with the proof that it is, or is not, in the repo."""

from __future__ import annotations

from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.sync_views import CAR_TYPE


@query("com.atproto.sync.getRecord", auth=Auths.OPTIONAL)
def get_record(call: Call) -> Body:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    collection, rkey = call.params["collection"], call.params["rkey"]
    car = call.services.repo_export.record_proof(account, collection, rkey)
    return Body(car, CAR_TYPE, size_bytes=len(car))
