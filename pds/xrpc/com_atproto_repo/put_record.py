"""com.atproto.repo.putRecord: create a record or replace it."""

from __future__ import annotations

from typing import Any

from pds.services.record_writes import Write
from pds.xrpc.limits import repo_write_limits, update_cost
from pds.xrpc.method import RECORD_LIMIT_BYTES, Auths, Call, procedure
from pds.xrpc.repo_writes import commit_view, optional_cid, optional_swap, written_view


@procedure(
    "com.atproto.repo.putRecord",
    auth=Auths.USER,
    limits=repo_write_limits(update_cost),
    body_limit_bytes=RECORD_LIMIT_BYTES,
)
def put_record(call: Call) -> dict[str, Any]:
    given = call.input
    account = call.services.accounts.get_writable(given["repo"], call.did)
    result = call.services.repos.apply_writes(
        account,
        [
            Write(
                "put",
                given["collection"],
                given["rkey"],
                given["record"],
                swap=optional_swap(given),
                validate=given.get("validate"),
            )
        ],
        swap_commit=optional_cid(given, "swapCommit"),
    )
    return {**written_view(result.results[0]), **commit_view(result)}
