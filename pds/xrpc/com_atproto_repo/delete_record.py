"""com.atproto.repo.deleteRecord: remove one record; a missing one is fine."""

from __future__ import annotations

from typing import Any

from pds.services.record_writes import Write
from pds.xrpc.limits import delete_cost, repo_write_limits
from pds.xrpc.method import Auths, Call, procedure
from pds.xrpc.repo_writes import commit_view, optional_cid, optional_swap


@procedure(
    "com.atproto.repo.deleteRecord",
    auth=Auths.USER,
    limits=repo_write_limits(delete_cost),
)
def delete_record(call: Call) -> dict[str, Any]:
    given = call.input
    account = call.services.accounts.get_writable(given["repo"], call.did)
    result = call.services.repos.apply_writes(
        account,
        [
            Write(
                "delete",
                given["collection"],
                given["rkey"],
                swap=optional_swap(given),
                skips_no_op=True,
            )
        ],
        swap_commit=optional_cid(given, "swapCommit"),
    )
    return commit_view(result)
