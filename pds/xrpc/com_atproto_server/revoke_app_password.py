"""com.atproto.server.revokeAppPassword: shut a program out."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, procedure


@procedure("com.atproto.server.revokeAppPassword", auth=Auths.FULL_USER_NOT_TAKEN_DOWN)
def revoke_app_password(call: Call) -> None:
    call.services.app_passwords.revoke(call.did, call.input["name"])
