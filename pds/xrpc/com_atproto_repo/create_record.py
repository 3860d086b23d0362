"""com.atproto.repo.createRecord: add one record."""

from __future__ import annotations

from typing import Any

from pds.atproto.oauth.scopes.needs import RepoNeed
from pds.services.record_writes import Write
from pds.xrpc.limits import create_cost, repo_write_limits
from pds.xrpc.method import RECORD_LIMIT_BYTES, Auths, Call, procedure
from pds.xrpc.repo_writes import commit_view, optional_cid, written_view


@procedure(
    "com.atproto.repo.createRecord",
    auth=Auths.USER,
    limits=repo_write_limits(create_cost),
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
                replaces_linked=_may_replace(call),
            )
        ],
        swap_commit=optional_cid(given, "swapCommit"),
    )
    return {**written_view(result.results[0]), **commit_view(result)}


def _may_replace(call: Call) -> bool:
    """Whether a record that says the same thing twice, like a second like, takes the first away.

    An app that may create records and no more leaves it.
    """
    deletion = RepoNeed(call.input["collection"], "delete")
    return call.input.get("validate") is not False and call.caller.permits(deletion)
