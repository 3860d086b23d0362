"""com.atproto.sync.getRepo: a whole repo, or what is new since a rev."""

from __future__ import annotations

from pds.xrpc.method import Auths, Body, Call, Limit, query
from pds.xrpc.sync_views import car_file

# Mirrors fetch many repos in a row, so this has a budget of its own.
LIMIT = Limit("com.atproto.sync.getRepo", 6000, 300)


@query(
    "com.atproto.sync.getRepo",
    auth=Auths.OPTIONAL_OR_TAKEN_DOWN,
    limits=(LIMIT,),
    counts_globally=False,
)
def get_repo(call: Call) -> Body:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    return car_file(call.services.repo_export.export(account, call.params.get("since")))
