"""com.atproto.sync.getBlob: the bytes of a blob."""

from __future__ import annotations

from pds.xrpc.method import Auths, Call, Stored, query
from pds.xrpc.sync_views import parse_cid


@query("com.atproto.sync.getBlob", auth=Auths.OPTIONAL_OR_TAKEN_DOWN)
def get_blob(call: Call) -> Stored:
    account = call.services.accounts.get_readable(
        call.params["did"], call.caller.did, call.caller.is_admin
    )
    cid = parse_cid(call.params["cid"])
    blob = call.services.blobs.open_blob(account, cid)
    headers = {
        # Whatever a user uploaded, no browser may take it for a page of this origin, and any page
        # may show it as a picture.
        "Content-Disposition": f'attachment; filename="{cid}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": _caching(call, is_active=account.is_active),
    }
    return Stored(blob.open, blob.size_bytes, str(cid), blob.mime_type, headers)


def _caching(call: Call, *, is_active: bool) -> str:
    """The bytes never change, but may be withdrawn: caches must ask again after an hour."""
    if not is_active:
        return "private, no-store"
    if call.caller.kind != "anonymous":
        return "private, max-age=3600"
    return "public, max-age=3600"
