"""com.atproto.repo.createRecord: add one record."""

from __future__ import annotations

from typing import Any

from pds.services.record_writes import Write
from pds.xrpc.limits import repo_write_limits
from pds.xrpc.method import RECORD_LIMIT_BYTES, Auths, Call, procedure
from pds.xrpc.repo_writes import commit_view, optional_cid, written_view


@procedure(
    "com.atproto.repo.createRecord",
    auth=Auths.USER,
    limits=repo_write_limits(lambda call: 3),
    body_limit_bytes=RECORD_LIMIT_BYTES,
)
def create_record(call: Call) -> dict[str, Any]:
    given = call.input
    account = call.services.accounts.get_writable(given["repo"], call.did)
    repos = call.services.repos
    result = repos.apply_writes(
        account,
        [
            Write(
                "create",
                given["collection"],
                given.get("rkey") or repos.next_rkey(),
                given["record"],
                validate=given.get("validate"),
                replaces_linked=given.get("validate") is not False,
            )
        ],
        swap_commit=optional_cid(given, "swapCommit"),
    )
    return {**written_view(result.results[0]), **commit_view(result)}
