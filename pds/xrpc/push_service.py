"""Which service sends an app's notifications: the one the body names, not the header.

It is the app view, or has an entry ``#bsky_notif`` in its DID document.
"""

from __future__ import annotations

from pds.services.upstream_targets import APP_VIEW
from pds.xrpc.method import Call


def tell_push_service(call: Call, nsid: str) -> None:
    """Pass a registration, or its end, on.

    Raises:
        InvalidRequestError: there is no such service.
        UpstreamFailureError and others: as ``UpstreamCalls``.
    """
    services, did = call.services, call.input["serviceDid"]
    service_id = APP_VIEW if did == services.config.bsky_app_view_did else "bsky_notif"
    target = services.proxying.target(nsid, f"{did}#{service_id}")
    services.upstream_calls.send(call.did, nsid, call.input, target)
