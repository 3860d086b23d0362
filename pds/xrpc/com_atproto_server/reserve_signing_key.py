"""com.atproto.server.reserveSigningKey: the key an account will have, before it moves in.

Not for everybody, unlike on the reference server: the DID itself asks, with a service token for
this method (its old server gives one out, and the owner of a did:web can sign one), or the admin.
"""

from __future__ import annotations

from typing import Any

from pds.errors import AuthRequiredError, InvalidRequestError
from pds.xrpc.limits import RESERVE_SIGNING_KEY
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.server.reserveSigningKey",
    auth=Auths.SERVICE_OR_ADMIN,
    limits=RESERVE_SIGNING_KEY,
)
def reserve_signing_key(call: Call) -> dict[str, Any]:
    did = call.input.get("did", call.caller.did)
    if did is None:
        message = "did is required"
        raise InvalidRequestError(message)
    if not call.caller.is_admin and did != call.caller.did:
        message = f"Missing auth to reserve a key for did: {did}"
        raise AuthRequiredError(message)
    return {"signingKey": call.services.reserved_keys.reserve(did)}
