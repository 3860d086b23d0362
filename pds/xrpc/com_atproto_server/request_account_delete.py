"""com.atproto.server.requestAccountDelete: send the code that deleting the account takes."""

from __future__ import annotations

from pds.xrpc.limits import REQUEST_ACCOUNT_DELETE
from pds.xrpc.method import Auths, Call, NoBody, procedure
from pds.xrpc.notices import told


@procedure(
    "com.atproto.server.requestAccountDelete",
    auth=Auths.FULL_USER_NOT_TAKEN_DOWN,
    limits=REQUEST_ACCOUNT_DELETE,
)
def request_account_delete(call: Call) -> NoBody:
    account = call.services.sessions.get_session_account(call.did)
    return told(call.services.email_tokens.request(account, "delete_account"))
