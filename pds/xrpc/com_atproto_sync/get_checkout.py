"""com.atproto.sync.getCheckout: a whole repo, for old clients of getRepo."""

from __future__ import annotations

from pds.xrpc.limits import GET_REPO
from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.sync_views import car_file


@query("com.atproto.sync.getCheckout", auth=Auths.OPTIONAL, limits=GET_REPO)
def get_checkout(call: Call) -> Body:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    return car_file(call.services.repo_export.export(account, None))
