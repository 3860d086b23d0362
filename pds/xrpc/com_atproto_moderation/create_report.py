"""com.atproto.moderation.createReport: tell a moderation service of a post or an account.

Whoever is taken down may: that is how they appeal.
"""

from __future__ import annotations

from typing import Any

from pds.xrpc.limits import CREATE_REPORT
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.proxy_header import HEADER

NSID = "com.atproto.moderation.createReport"


@procedure(NSID, auth=Auths.USER_OR_TAKEN_DOWN, limits=CREATE_REPORT, asks_others=True)
def create_report(call: Call) -> dict[str, Any]:
    services = call.services
    target = services.proxying.target(NSID, call.headers.get(HEADER))
    return services.upstream_calls.procedure(call.did, NSID, call.input, target)
