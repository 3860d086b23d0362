"""com.atproto.sync.getBlob: the bytes of a blob."""

from __future__ import annotations

from pds.xrpc.method import Auths, Body, Call, query
from pds.xrpc.sync_views import parse_cid


@query("com.atproto.sync.getBlob", auth=Auths.OPTIONAL_OR_TAKEN_DOWN)
def get_blob(call: Call) -> Body:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    cid = parse_cid(call.params["cid"])
    blob = call.services.blobs.open_blob(account, cid)
    headers = {
        # Whatever a user uploaded, no browser may take it for a page of this origin.
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="{cid}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        # The bytes never change, but may be withdrawn: caches must ask from time to time.
        "Cache-Control": "public, max-age=3600" if account.is_active else "private, no-store",
        "ETag": f'"{cid}"',
    }
    return Body(blob.open(), blob.mime_type, headers, blob.size_bytes)
