"""com.atproto.repo.applyWrites: change several records in one commit."""

from __future__ import annotations

from typing import Any

from pds.services.record_writes import Write
from pds.services.repos import WriteResult
from pds.xrpc.limits import CREATE_POINTS, DELETE_POINTS, UPDATE_POINTS, repo_write_limits
from pds.xrpc.method import RECORD_LIMIT_BYTES, Auths, Call, procedure
from pds.xrpc.repo_writes import action_of, commit_view, optional_cid, written_view

_NSID = "com.atproto.repo.applyWrites"
_POINTS = {
    f"{_NSID}#create": CREATE_POINTS,
    f"{_NSID}#update": UPDATE_POINTS,
    f"{_NSID}#delete": DELETE_POINTS,
}


def _cost(call: Call) -> int:
    return sum(_POINTS.get(write.get("$type"), CREATE_POINTS) for write in call.input["writes"])


@procedure(
    _NSID,
    auth=Auths.USER,
    limits=repo_write_limits(_cost),
    body_limit_bytes=RECORD_LIMIT_BYTES,
)
def apply_writes(call: Call) -> dict[str, Any]:
    given = call.input
    account = call.services.accounts.get_writable(given["repo"], call.did)
    writes = [_parse(call, write) for write in given["writes"]]
    result = call.services.repos.apply_writes(
        account, writes, swap_commit=optional_cid(given, "swapCommit")
    )
    results = [_result_view(w, r) for w, r in zip(writes, result.results, strict=True)]
    return {**commit_view(result), "results": results}


def _parse(call: Call, write: dict[str, Any]) -> Write:
    action = action_of(write)
    validate = call.input.get("validate")
    if action == "create":
        rkey = write.get("rkey") or call.services.repos.next_rkey()
        return Write("create", write["collection"], rkey, write["value"], validate=validate)
    if action == "update":
        return Write(
            "update", write["collection"], write["rkey"], write["value"], validate=validate
        )
    return Write("delete", write["collection"], write["rkey"])


def _result_view(write: Write, result: WriteResult) -> dict[str, Any]:
    if write.action == "delete":
        return {"$type": f"{_NSID}#deleteResult"}
    return {"$type": f"{_NSID}#{write.action}Result", **written_view(result)}
