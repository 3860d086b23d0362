"""``atproto-proxy``: a client names the service that shall answer, as ``<did>#<service id>``.

Spec: https://atproto.com/specs/xrpc#service-proxying
"""

from __future__ import annotations

from typing import Final

from pds.services.upstream_targets import APP_VIEW
from pds.xrpc.method import Call

HEADER: Final = "atproto-proxy"


def names_other_service(call: Call) -> bool:
    """Whether a method that is answered here in the app view's stead is wanted of somebody else.

    Without a configured app view, any is meant: apps name theirs in every request.
    """
    named = call.headers.get(HEADER)
    if not named:
        return False
    did, _, service = named.partition("#")
    ours = call.services.config.bsky_app_view_did
    return service != APP_VIEW or not did.startswith("did:") or ours not in (None, did)
