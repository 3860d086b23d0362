"""A relay's public methods, and what it may know of a server."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.fakes.web_server import Asked, Route


@dataclass
class FakeRelay:
    """``status``: what it says of every host; None when it knows none.

    ``left_out``: DIDs that it does not pass on, and why. ``broken``: answer with this status;
    with ``only_repos`` only what is asked about repos. ``knows_methods``: whether it tells at all.
    """

    seq: int = 0
    status: str | None = "active"
    asked_to_crawl: list[str] = field(default_factory=list)
    rev: str = "3kaaaaaaaaa2a"
    left_out: dict[str, str] = field(default_factory=dict)
    broken: int | None = None
    nonsense: bytes | None = None
    slow_s: float = 0.0
    only_repos: bool = False
    refuses: bool = False  # to come
    knows_methods: bool = True

    def answer(self, asked: Asked) -> Route:
        time.sleep(self.slow_s)
        about_repos = "getRepoStatus" in asked.path
        if self.broken is not None and (about_repos or not self.only_repos):
            return (self.broken, {}, b"")
        if self.nonsense is not None:
            return (200, {"content-type": "application/json"}, self.nonsense)
        return self._answer(asked)

    def _answer(self, asked: Asked) -> Route:
        path = asked.path.partition("?")[0]
        if path == "/xrpc/com.atproto.sync.requestCrawl":
            if not self.refuses:
                self.asked_to_crawl.append(json.loads(asked.body)["hostname"])
            return _json({"error": "HostBanned"}, 400) if self.refuses else _json({})
        if not self.knows_methods:
            return _json({"error": "MethodNotImplemented", "message": "Method Not Found"}, 404)
        if path == "/xrpc/com.atproto.sync.getRepoStatus":
            return self._repo_status(unquote(asked.path.partition("did=")[2]))
        if path != "/xrpc/com.atproto.sync.getHostStatus":
            return _json({"error": "MethodNotImplemented"}, 404)
        if self.status is None:
            return _json({"error": "HostNotFound", "message": "host not found"}, 400)
        host = asked.path.partition("hostname=")[2]
        return _json({"hostname": host, "seq": self.seq, "accountCount": 1, "status": self.status})

    def _repo_status(self, did: str) -> Route:
        status = self.left_out.get(did)
        if status is None:
            return _json({"did": did, "active": True, "rev": self.rev})
        return _json({"did": did, "active": False, "status": status})


def _json(content: object, status: int = 200) -> Route:
    return (status, {"content-type": "application/json"}, json.dumps(content).encode())
