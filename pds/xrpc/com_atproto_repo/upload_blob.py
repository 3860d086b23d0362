"""com.atproto.repo.uploadBlob: store a blob for a record to come."""

from __future__ import annotations

from typing import Any

from pds.errors import InvalidRequestError
from pds.xrpc.limits import UPLOAD_BLOB
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.scope_check import check_blob


@procedure(
    "com.atproto.repo.uploadBlob",
    auth=Auths.UPLOAD,
    limits=UPLOAD_BLOB,
    body_limit_bytes=lambda services: services.config.blob_upload_limit,
)
def upload_blob(call: Call) -> dict[str, Any]:
    if call.body is None:
        message = "A request body is expected but none was provided"
        raise InvalidRequestError(message)
    account = call.services.accounts.get_account(call.did)
    blob = call.services.blobs.upload(
        account, call.body, call.content_type, check_type=lambda found: check_blob(call, found)
    )
    return {"blob": blob.to_value()}
