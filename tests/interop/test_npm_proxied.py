"""The official npm client asks app view, chat and labeler through the server, as an app does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pds.services.clock import system_clock
from tests.fakes.upstream import Upstream, upstream
from tests.interop.npm import require_packages, run_script
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]

BOB = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
NOW = "2026-01-01T00:00:00.000Z"
APP_VIEW: dict[str, dict[str, Any]] = {
    "app.bsky.feed.getTimeline": {"feed": []},
    "app.bsky.actor.getProfile": {"did": BOB, "handle": "bob.example.com"},
    "app.bsky.feed.getPostThread": {
        "thread": {"$type": "app.bsky.feed.defs#notFoundPost", "uri": "at://x.y", "notFound": True}
    },
    "app.bsky.feed.searchPosts": {"posts": []},
    "app.bsky.notification.getUnreadCount": {"count": 3},
}
CHAT: dict[str, dict[str, Any]] = {
    "chat.bsky.convo.listConvos": {"convos": []},
    "chat.bsky.convo.sendMessage": {
        "id": "1",
        "rev": "2",
        "text": "ü",
        "sender": {"did": BOB},
        "sentAt": NOW,
    },
}
LABELER: dict[str, dict[str, Any]] = {
    "com.atproto.label.queryLabels": {"labels": []},
    "com.atproto.moderation.createReport": {
        "id": 7,
        "reasonType": "com.atproto.moderation.defs#reasonSpam",
        "subject": {"$type": "com.atproto.admin.defs#repoRef", "did": BOB},
        "reportedBy": BOB,
        "createdAt": NOW,
    },
}


@dataclass(frozen=True)
class Network:
    server: ServerProcess
    app_view: Upstream
    chat: Upstream
    labeler: Upstream


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    require_packages()
    with ExitStack() as stack:
        app_view = stack.enter_context(upstream(system_clock, bsky_appview=""))
        chat = stack.enter_context(upstream(system_clock, bsky_chat=""))
        labeler = stack.enter_context(upstream(system_clock, atproto_labeler=""))
        settings = {"PDS_BSKY_APP_VIEW_URL": app_view.url, "PDS_BSKY_APP_VIEW_DID": app_view.did}
        server = stack.enter_context(ServerProcess(tmp_path / "data", settings=settings))
        for service, replies in ((app_view, APP_VIEW), (chat, CHAT), (labeler, LABELER)):
            service.plc_url = server.url
            for nsid, content in replies.items():
                _reply(service, nsid, content)
        _reply(app_view, "app.bsky.graph.getList", NO_LIST, 400)
        app_view.routes["/xrpc/app.bsky.notification.updateSeen"] = (200, {}, b"")
        yield Network(server, app_view, chat, labeler)


NO_LIST = {"error": "NotFound", "message": "List not found"}


def _reply(service: Upstream, nsid: str, content: dict[str, Any], status: int = 200) -> None:
    headers = {"content-type": "application/json"}
    service.routes[f"/xrpc/{nsid}"] = (status, headers, json.dumps(content).encode())


def test_client_asks_other_services_through_the_server(network: Network) -> None:
    figures = run_script("proxied.mjs", network.server.url, network.chat.did, network.labeler.did)

    for service in (network.app_view, network.chat, network.labeler):
        assert service.refused == []
        assert {claims.iss for claims in service.claims} == {figures["did"]}
    asked = {item.path.partition("?")[0]: item for item in network.app_view.asked}
    assert len(asked) == len(APP_VIEW) + 2
    search = asked["/xrpc/app.bsky.feed.searchPosts"]
    assert search.path.endswith("?q=a+%26+b+%2B+%C3%BC&tag=x&tag=y")
    assert network.labeler.did in search.headers["atproto-accept-labelers"]
    assert json.loads(network.chat.asked[-1].body)["message"] == {"text": "ü"}
    assert "Traceback" not in network.server.log.read_text()
