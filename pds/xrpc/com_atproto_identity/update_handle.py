"""com.atproto.identity.updateHandle: a new name for one's own account.

App passwords may not, unlike on the reference server: whoever takes the handle takes the name that
people know. An account that is deactivated may, since it may be about to move in.
"""

from __future__ import annotations

from pds.xrpc.limits import UPDATE_HANDLE
from pds.xrpc.method import Auths, Call, procedure


@procedure(
    "com.atproto.identity.updateHandle", auth=Auths.FULL_USER_NOT_TAKEN_DOWN, limits=UPDATE_HANDLE
)
def update_handle(call: Call) -> None:
    call.services.handle_changes.change(call.did, call.input["handle"])
