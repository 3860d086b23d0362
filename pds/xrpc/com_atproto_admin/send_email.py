"""com.atproto.admin.sendEmail: a moderator writes to an account."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, procedure

DEFAULT_SUBJECT = "Message via your PDS"


@procedure("com.atproto.admin.sendEmail", auth=Auths.MODERATOR)
def send_email(call: Call) -> dict[str, Any]:
    given = call.input
    call.services.mail.send_from_moderation(
        given["senderDid"],
        given["recipientDid"],
        given.get("subject") or DEFAULT_SUBJECT,
        given["content"],
    )
    return {"sent": True}
