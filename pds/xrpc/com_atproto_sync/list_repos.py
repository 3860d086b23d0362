"""com.atproto.sync.listRepos: all accounts hosted here, with their heads and statuses."""

from __future__ import annotations

from typing import Any

from pds.xrpc.method import Auths, Call, query


@query("com.atproto.sync.listRepos", auth=Auths.NONE)
def list_repos(call: Call) -> dict[str, Any]:
    page = call.services.accounts.list_repos(call.params["limit"], call.params.get("cursor"))
    repos: list[dict[str, Any]] = []
    for hosted in page.repos:
        view = {"did": hosted.did, "head": str(hosted.head), "rev": hosted.rev}
        status = {} if hosted.status is None else {"status": hosted.status}
        repos.append({**view, "active": hosted.status is None, **status})
    reply: dict[str, Any] = {"repos": repos}
    if page.cursor is not None:
        reply["cursor"] = page.cursor
    return reply
