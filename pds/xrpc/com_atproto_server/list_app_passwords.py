"""com.atproto.server.listAppPasswords: their names, not what they are."""

from __future__ import annotations

from typing import Any

from pds.xrpc.app_password_view import app_password_view
from pds.xrpc.method import Auths, Call, query


@query("com.atproto.server.listAppPasswords", auth=Auths.FULL_USER_NOT_TAKEN_DOWN)
def list_app_passwords(call: Call) -> dict[str, Any]:
    found = call.services.app_passwords.list_all(call.did)
    return {"passwords": [app_password_view(row) for row in found]}
