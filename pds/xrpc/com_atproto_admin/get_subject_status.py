"""com.atproto.admin.getSubjectStatus: whether an account, a record or a blob is taken down."""

from __future__ import annotations

from typing import Any

from pds.atproto.syntax.at_uri import AtUri
from pds.errors import InvalidRequestError
from pds.services.takedowns import AccountSubject, BlobSubject, RecordSubject, Subject
from pds.xrpc.method import Auths, Call, query
from pds.xrpc.subject_view import status_view
from pds.xrpc.sync_views import parse_cid


@query("com.atproto.admin.getSubjectStatus", auth=Auths.MODERATOR)
def get_subject_status(call: Call) -> dict[str, Any]:
    return status_view(call.services.takedowns.status(_subject(call.params)))


def _subject(params: dict[str, Any]) -> Subject:
    did, uri, blob = params.get("did"), params.get("uri"), params.get("blob")
    if blob is not None:
        if did is None:
            message = "Must provide a did to request blob state"
            raise InvalidRequestError(message)
        return BlobSubject(did, parse_cid(blob))
    if uri is not None:
        return RecordSubject(AtUri.parse(uri))
    if did is not None:
        return AccountSubject(did)
    message = "No provided subject"
    raise InvalidRequestError(message)
