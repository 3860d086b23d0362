"""com.atproto.server.checkAccountStatus: how far a move has come."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.server.checkAccountStatus", auth=Auths.USER)
def check_account_status(call: Call) -> dict[str, Any]:
    check = call.services.accounts.check_status(call.did)
    return {
        "activated": check.activated,
        "validDid": check.valid_did,
        "repoCommit": str(check.repo.head),
        "repoRev": check.repo.rev,
        "repoBlocks": check.repo_blocks,
        "indexedRecords": check.indexed_records,
        "privateStateValues": check.preferences,
        "expectedBlobs": check.expected_blobs,
        "importedBlobs": check.imported_blobs,
    }
