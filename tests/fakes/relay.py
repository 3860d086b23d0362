"""A relay's public methods, and what it may know of a server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.fakes.web_server import Asked, Route


@dataclass
class FakeRelay:
    """``status``: what it says of every host; None when it knows none."""

    seq: int = 0
    status: str | None = "active"
    asked_to_crawl: list[str] = field(default_factory=list)
    broken: int | None = None

    def answer(self, asked: Asked) -> Route:
        if self.broken is not None:
            return (self.broken, {}, b"")
        path = asked.path.partition("?")[0]
        if path == "/xrpc/com.atproto.sync.requestCrawl":
            self.asked_to_crawl.append(json.loads(asked.body)["hostname"])
            return _json({})
        if path != "/xrpc/com.atproto.sync.getHostStatus":
            return _json({"error": "MethodNotImplemented"}, 404)
        if self.status is None:
            return _json({"error": "HostNotFound", "message": "host not found"}, 400)
        host = asked.path.partition("hostname=")[2]
        return _json({"hostname": host, "seq": self.seq, "accountCount": 1, "status": self.status})


def _json(content: object, status: int = 200) -> Route:
    return (status, {"content-type": "application/json"}, json.dumps(content).encode())
