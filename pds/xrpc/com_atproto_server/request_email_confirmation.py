"""com.atproto.server.requestEmailConfirmation: send a code to the account's address."""

from __future__ import annotations

from pds.xrpc.limits import REQUEST_EMAIL_CONFIRMATION
from pds.xrpc.method import Auths, Call, NoBody, procedure
from pds.xrpc.notices import told


@procedure(
    "com.atproto.server.requestEmailConfirmation",
    auth=Auths.USER_NOT_TAKEN_DOWN,
    limits=REQUEST_EMAIL_CONFIRMATION,
)
def request_email_confirmation(call: Call) -> NoBody:
    return told(call.services.email_addresses.request_confirmation(call.did))
