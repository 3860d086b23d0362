"""com.atproto.server.createAppPassword: a further password, for one program."""

from __future__ import annotations

from typing import Any

from pds.xrpc.app_password_view import app_password_view
from pds.xrpc.limits import CREATE_APP_PASSWORD
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.server.createAppPassword",
    auth=Auths.FULL_USER_NOT_TAKEN_DOWN,
    limits=CREATE_APP_PASSWORD,
)
def create_app_password(call: Call) -> dict[str, Any]:
    made = call.services.app_passwords.create(
        call.did, call.input["name"], privileged=call.input.get("privileged", False)
    )
    return {**app_password_view(made.row), "password": made.password}
