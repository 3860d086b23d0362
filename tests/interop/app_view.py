"""An app view that lags, a labeler and a chat, for a client to meet through a server.

All verify every token against the server's PLC directory. The app view reads a member's repo only
when it is told to (``index``), and names the rev up to which it has read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pds.atproto.service_auth import decode_service_token
from tests.app_view import STRANGER, THREAD, item, post_view
from tests.fakes.upstream import Upstream, upstream
from tests.fakes.web_server import Asked, Route
from tests.repo_methods import OTHER_CID
from tests.server_process import ServerProcess

FEED = f"at://{STRANGER}/app.bsky.feed.generator/cats"
KNOWN = post_view("3jzfcijpj2z2a", 0)
LABELERS = "did:web:labels.test"


def _now_us() -> int:
    return time.time_ns() // 1_000


@dataclass
class Neighbours:
    """The server and the services around it."""

    server: ServerProcess
    app_view: Upstream
    labeler: Upstream
    chat: Upstream
    did: str = ""
    rev: str = ""
    feed_tokens: list[tuple[str, str | None]] = field(default_factory=list)

    def index(self, did: str) -> None:
        """Let the app view read all that is there now."""
        self.did = did
        self.rev = self.server.get("com.atproto.sync.getLatestCommit", did=did)["rev"]

    def answer(self, asked: Asked) -> Any:
        """What the app view says, once the token is found good."""
        nsid = urlsplit(asked.path).path.removeprefix("/xrpc/")
        if nsid == "app.bsky.feed.getFeed":
            return self._feed(asked)
        verdict = self.app_view.answer(asked)
        if not isinstance(verdict, tuple) or verdict[0] != 200:
            return verdict
        params = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        content = self._content(nsid, params)
        return verdict if content is None else self._reply(content)

    def _content(self, nsid: str, params: dict[str, str]) -> dict[str, Any] | None:
        own = {"did": self.did, "handle": "somebody.test", "displayName": "Old"}
        feed = {"feed": [item("old", -1_000)]}
        known: dict[str, Any] = {
            "app.bsky.actor.getProfile": own,
            "app.bsky.actor.getProfiles": {"profiles": [own]},
            "app.bsky.feed.getTimeline": feed,
            "app.bsky.feed.getAuthorFeed": {"feed": []},
            "app.bsky.feed.getActorLikes": feed,
            "app.bsky.feed.getPosts": {"posts": [KNOWN]},
            "app.bsky.video.getUploadLimits": {"canUpload": True},
            "com.atproto.repo.getRecord": {
                "uri": FEED,
                "cid": OTHER_CID,
                "value": {"did": self.chat.did},
            },
        }
        if nsid != "app.bsky.feed.getPostThread":
            return known.get(nsid)
        if params["uri"] == KNOWN["uri"]:
            return {"thread": {"$type": THREAD, "post": KNOWN}}
        return {"error": "NotFound", "message": f"Post not found: {params['uri']}"}

    def _reply(self, content: dict[str, Any]) -> Route:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "atproto-repo-rev": self.rev,
            "atproto-content-labelers": LABELERS,
        }
        return 400 if "error" in content else 200, headers, json.dumps(content).encode()

    def _feed(self, asked: Asked) -> Route:
        token = asked.headers["authorization"].removeprefix("Bearer ")
        claims, _, _ = decode_service_token(token, now=_now_us() // 1_000_000)
        self.feed_tokens.append((claims.aud, claims.lxm))
        return self._reply({"feed": [item("cat", 0)]})


@contextmanager
def neighbours(folder: Path) -> Iterator[Neighbours]:
    with ExitStack() as stack:
        app_view = stack.enter_context(upstream(_now_us, bsky_appview=""))
        labeler = stack.enter_context(upstream(_now_us, atproto_labeler=""))
        chat = stack.enter_context(upstream(_now_us, bsky_chat=""))
        settings = {
            "PDS_BSKY_APP_VIEW_URL": app_view.url,
            "PDS_BSKY_APP_VIEW_DID": app_view.did,
            "PDS_REPORT_SERVICE_URL": labeler.url,
            "PDS_REPORT_SERVICE_DID": labeler.did,
        }
        server = stack.enter_context(ServerProcess(folder / "data", settings=settings))
        for service in (app_view, labeler, chat):
            service.plc_url = server.url
        made = Neighbours(server, app_view, labeler, chat)
        app_view.server.otherwise = made.answer
        yield made
