"""com.atproto.sync.getBlocks: single blocks of a repo by their CIDs."""

from __future__ import annotations

from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.sync_views import car_file, parse_cid


@query("com.atproto.sync.getBlocks", auth=Auths.OPTIONAL)
def get_blocks(call: Call) -> Body:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    cids = [parse_cid(text) for text in call.params["cids"]]
    return car_file(call.services.repo_export.blocks(account, cids))
