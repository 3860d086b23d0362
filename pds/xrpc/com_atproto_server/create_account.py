"""com.atproto.server.createAccount: sign up, or move in with a DID one has.

Spec: https://atproto.com/guides/account-migration#creating-new-account
"""

from __future__ import annotations

from typing import Any

from pds.errors import InvalidRequestError
from pds.services.account_creation import NewAccount
from pds.xrpc.limits import CREATE_ACCOUNT
from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.createAccount", auth=Auths.NEW_ACCOUNT, limits=CREATE_ACCOUNT)
def create_account(call: Call) -> dict[str, Any]:
    given = call.input
    if "plcOp" in given:
        message = 'Unsupported input: "plcOp"'
        raise InvalidRequestError(message)
    created = call.services.accounts.create(
        NewAccount(
            handle=given["handle"],
            email=given.get("email"),
            password=given.get("password"),
            did=given.get("did"),
            issuer=call.caller.did if call.caller.kind == "service" else None,
            invite_code=given.get("inviteCode"),
            recovery_key=given.get("recoveryKey"),
            device=call.device,
        )
    )
    return {
        "handle": created.handle,
        "did": created.did,
        "didDoc": created.did_document,
        "accessJwt": created.tokens.access_jwt,
        "refreshJwt": created.tokens.refresh_jwt,
    }
