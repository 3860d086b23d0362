"""What moderators act on, in its wire form: an account, a record or a blob."""

from __future__ import annotations

from typing import Any, Final

from pds.atproto.syntax.at_uri import AtUri
from pds.errors import InvalidRequestError
from pds.services.takedowns import (
    AccountSubject,
    BlobSubject,
    RecordSubject,
    Subject,
    SubjectStatus,
)
from pds.xrpc.sync_views import parse_cid

ACCOUNT: Final = "com.atproto.admin.defs#repoRef"
RECORD: Final = "com.atproto.repo.strongRef"
BLOB: Final = "com.atproto.admin.defs#repoBlobRef"


def parse_subject(given: dict[str, Any]) -> Subject:
    """Raises InvalidRequestError for a subject of another kind."""
    kind = given["$type"]
    if kind == ACCOUNT:
        return AccountSubject(given["did"])
    if kind == RECORD:
        return RecordSubject(AtUri.parse(given["uri"]))
    if kind == BLOB:
        return BlobSubject(given["did"], parse_cid(given["cid"]))
    message = "Invalid subject"
    raise InvalidRequestError(message)


def subject_view(subject: Subject) -> dict[str, Any]:
    if isinstance(subject, AccountSubject):
        return {"$type": ACCOUNT, "did": subject.did}
    if isinstance(subject, RecordSubject):
        return {"$type": RECORD, "uri": str(subject.uri), "cid": str(subject.cid)}
    return {"$type": BLOB, "did": subject.did, "cid": str(subject.cid)}


def status_view(status: SubjectStatus) -> dict[str, Any]:
    takedown: dict[str, Any] = {"applied": status.takedown_ref is not None}
    if status.takedown_ref is not None:
        takedown["ref"] = status.takedown_ref
    view = {"subject": subject_view(status.subject), "takedown": takedown}
    if status.deactivated is not None:
        view["deactivated"] = {"applied": status.deactivated}
    return view
