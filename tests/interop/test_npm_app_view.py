"""The official npm client uses an app view, a labeler and a chat through the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.web_server import Asked, Route, web_server
from tests.interop.app_view import FEED, KNOWN, LABELERS, neighbours
from tests.interop.npm import require_packages, run_script

REF = {"uri": KNOWN["uri"], "cid": KNOWN["cid"]}

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]


def test_client_sees_at_once_what_its_member_writes(tmp_path: Path) -> None:
    require_packages()
    with neighbours(tmp_path) as around, web_server() as control:
        report = {
            "id": 1,
            "reasonType": "com.atproto.moderation.defs#reasonSpam",
            "subject": {"$type": "com.atproto.repo.strongRef", **REF},
            "reportedBy": around.app_view.did,
            "createdAt": "2026-01-01T00:00:00.000Z",
        }
        json_type = {"content-type": "application/json"}
        for service, nsid, content in (
            (around.labeler, "com.atproto.moderation.createReport", report),
            (around.labeler, "com.atproto.label.queryLabels", {"labels": []}),
            (around.chat, "chat.bsky.convo.listConvos", {"convos": []}),
            (around.app_view, "app.bsky.notification.registerPush", {}),
        ):
            body = json.dumps(content).encode()
            service.routes[f"/xrpc/{nsid}"] = (200, json_type, body)

        def index(asked: Asked) -> Route:
            around.index(asked.path.removeprefix("/"))
            return 200, {}, b""

        control.otherwise = index
        services = {
            "appView": around.app_view.did,
            "labeler": around.labeler.did,
            "chat": around.chat.did,
            "feed": FEED,
            "known": REF,
            "labelers": LABELERS,
        }
        figures = run_script("app_view.mjs", around.server.url, control.url, json.dumps(services))

        assert figures["completed"] == 7
        assert [service.refused for service in (around.app_view, around.labeler, around.chat)] == [
            [],
            [],
            [],
        ]
        assert around.feed_tokens == [(around.chat.did, "app.bsky.feed.getFeedSkeleton")]
        methods = {claims.lxm for claims in around.labeler.claims + around.chat.claims}
        assert methods == {
            "com.atproto.moderation.createReport",
            "com.atproto.label.queryLabels",
            "chat.bsky.convo.listConvos",
        }
        assert "Traceback" not in around.server.log.read_text()
