"""com.atproto.sync.getRepo: a whole repo, or what is new since a rev."""

from __future__ import annotations

from pds.xrpc.limits import GET_REPO
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.sync_views import car_file


@query(
    "com.atproto.sync.getRepo",
    auth=Auths.OPTIONAL_OR_TAKEN_DOWN,
    limits=GET_REPO,
    counts_globally=False,  # mirrors fetch many repos in a row
)
def get_repo(call: Call) -> Body:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    return car_file(call.services.repo_export.export(account, call.params.get("since")))
