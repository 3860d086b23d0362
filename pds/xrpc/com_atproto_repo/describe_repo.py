"""com.atproto.repo.describeRepo: who a repo belongs to and what it holds."""

from __future__ import annotations

from typing import Any

from pds.atproto.did_document import parse_did_document
from pds.xrpc.method import Auths, Call, query

INVALID_HANDLE = "handle.invalid"


@query("com.atproto.repo.describeRepo", auth=Auths.NONE)
def describe_repo(call: Call) -> dict[str, Any]:
    services = call.services
    account = services.accounts.get_account(call.params["repo"])
    account = services.accounts.get_readable(account.did, None, is_admin=False)
    document = services.identity.did_document(account.did)
    claimed = parse_did_document(document, account.did).handle
    return {
        "handle": account.handle or INVALID_HANDLE,
        "did": account.did,
        "didDoc": document,
        "collections": services.records.collections(account),
        "handleIsCorrect": account.handle is not None and claimed == account.handle,
    }
