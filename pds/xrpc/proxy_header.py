"""``atproto-proxy``: a client names the service that shall answer, as ``<did>#<service id>``.

Spec: https://atproto.com/specs/xrpc#service-proxying
"""

from __future__ import annotations

from typing import Final

from pds.errors import InvalidRequestError
from pds.xrpc.method import Call

HEADER: Final = "atproto-proxy"
APP_VIEW: Final = "bsky_appview"

_MAX_SHOWN: Final = 100


def refuse_other_service(call: Call) -> None:
    """For methods that are answered here in the app view's stead, and by nobody else.

    Without a configured app view, any is meant: apps name theirs in every request.

    Raises:
        InvalidRequestError: the header names another service; ours would be a wrong answer.
    """
    named = call.headers.get(HEADER)
    if named is None:
        return
    did, _, service = named.partition("#")
    ours = call.services.config.bsky_app_view_did
    if service == APP_VIEW and did.startswith("did:") and ours in (None, did):
        return
    message = f"This server does not pass requests on to {named[:_MAX_SHOWN]}"
    raise InvalidRequestError(message)
