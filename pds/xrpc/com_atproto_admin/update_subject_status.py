"""com.atproto.admin.updateSubjectStatus: take down accounts, records and blobs, or deactivate."""

from __future__ import annotations

from typing import Any

from pds.services.takedowns import Takedown
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.subject_view import parse_subject


@procedure("com.atproto.admin.updateSubjectStatus", auth=Auths.MODERATOR)
def update_subject_status(call: Call) -> dict[str, Any]:
    given = call.input
    takedown, deactivated = given.get("takedown"), given.get("deactivated")
    call.services.takedowns.update(
        parse_subject(given["subject"]),
        None if takedown is None else Takedown(takedown["applied"], takedown.get("ref")),
        deactivated=None if deactivated is None else deactivated["applied"],
    )
    return {name: given[name] for name in ("subject", "takedown") if name in given}
