"""com.atproto.identity.refreshIdentity: look an identity up anew, whatever is remembered.

For people with an account here: each call makes this server ask others, at an address of the
caller's choice, and forgets what saved us asking.
"""

from __future__ import annotations

from typing import Any

from pds.xrpc.identity_view import identity_view
from pds.xrpc.limits import REFRESH_IDENTITY
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.identity.refreshIdentity",
    auth=Auths.USER_NOT_TAKEN_DOWN,
    limits=REFRESH_IDENTITY,
    asks_others=True,
)
def refresh_identity(call: Call) -> dict[str, Any]:
    found = call.services.identity_resolution.resolve(call.input["identifier"], force=True)
    return identity_view(found)
