"""A video is uploaded by the video service, with a token that the member gave it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pds.atproto import dag_json
from pds.atproto.service_auth import decode_service_token
from pds.services.session_scopes import Scope
from tests.app_view import write_post
from tests.factories import StillClock
from tests.fakes.web_server import Asked, Route
from tests.proxy_stage import ProxyStage, open_proxy_stage
from tests.session_tools import access_as
from tests.web.harness import Answer

LIMITS = "app.bsky.video.getUploadLimits"
UPLOAD = "com.atproto.repo.uploadBlob"
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(100)
HALF_AN_HOUR_S = 30 * 60


@pytest.fixture
def proxy(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[ProxyStage]:
    """The stranger is the video service."""
    del open_database
    with open_proxy_stage(tmp_path, clock) as opened:
        opened.stranger.services["bsky_video"] = ""
        yield opened


def token_for(proxy: ProxyStage, aud: str, lxm: str, *, scope: Scope = Scope.ACCESS) -> str:
    exp = proxy.services.clock() // 1_000_000 + HALF_AN_HOUR_S
    query = f"?aud={aud}&lxm={lxm}&exp={exp}"
    token = access_as(proxy.services, proxy.alice, scope)
    answer = proxy.ask("com.atproto.server.getServiceAuth", query, token=token)
    assert answer.status == 200, answer.body
    return str(answer.json["token"])


def upload(proxy: ProxyStage, token: str, content: bytes = MP4, mime: str = "video/mp4") -> Answer:
    return proxy.stage.web.request(
        "POST",
        f"/xrpc/{UPLOAD}",
        content,
        {"Authorization": f"Bearer {token}", "Content-Type": mime},
    )


def test_a_video_becomes_a_post(proxy: ProxyStage, clock: StillClock) -> None:
    uploaded: list[Answer] = []

    def process(asked: Asked) -> Route:
        """The service takes its time, and brings the video and what it has made of it."""
        token = asked.headers["authorization"].removeprefix("Bearer ")
        for content, mime in ((asked.body, "video/mp4"), (b"WEBVTT", "text/vtt")):
            clock.advance(14 * 60)
            uploaded.append(upload(proxy, token, content, mime))
        status = {"jobId": "1", "did": proxy.alice.did, "state": "JOB_STATE_COMPLETED"}
        blob = {"blob": uploaded[0].json["blob"]}
        body = json.dumps({"jobStatus": {**status, **blob}}).encode()
        return 200, {"content-type": "application/json"}, body

    proxy.stranger.server.otherwise = process
    video = _post(proxy, token_for(proxy, proxy.services.config.service_did, UPLOAD))

    assert [answer.status for answer in uploaded] == [200, 200]
    embed = {"$type": "app.bsky.embed.video", "video": dag_json.from_json(video)}
    written = write_post(proxy, "a video", embed=embed)
    assert written["validationStatus"] == "valid"
    path = f"/xrpc/com.atproto.sync.getBlob?did={proxy.alice.did}&cid={video['ref']['$link']}"
    assert proxy.stage.web.get(path).body == MP4


def test_the_token_ends_when_it_says(proxy: ProxyStage, clock: StillClock) -> None:
    token = token_for(proxy, proxy.services.config.service_did, UPLOAD)
    clock.advance(HALF_AN_HOUR_S + 1)

    assert upload(proxy, token).error[:2] == (401, "JwtExpired")


def test_the_token_is_for_uploads_alone(proxy: ProxyStage) -> None:
    token = token_for(proxy, proxy.services.config.service_did, UPLOAD)

    for nsid in ("com.atproto.repo.createRecord", "com.atproto.server.getSession", LIMITS):
        assert proxy.ask(nsid, token=token).status in (400, 401)


@pytest.mark.parametrize("scope", [Scope.ACCESS, Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED])
def test_the_service_is_asked_directly_with_a_token_for_it(proxy: ProxyStage, scope: Scope) -> None:
    token = token_for(proxy, "did:web:video.bsky.app", LIMITS, scope=scope)

    claims, _, _ = decode_service_token(token, now=proxy.services.clock() // 1_000_000)
    assert (claims.iss, claims.aud) == (proxy.alice.did, "did:web:video.bsky.app")
    assert claims.lxm == LIMITS


def test_limits_are_passed_on(proxy: ProxyStage) -> None:
    body = b'{"canUpload":true}'
    for service in (proxy.app_view, proxy.stranger):
        service.routes[f"/xrpc/{LIMITS}"] = (200, {"content-type": "application/json"}, body)

    assert proxy.ask(LIMITS).body == body
    assert proxy.ask(LIMITS, to=f"{proxy.stranger.did}#bsky_video").body == body
    assert proxy.app_view.claims[0].lxm == proxy.stranger.claims[0].lxm == LIMITS


def _post(proxy: ProxyStage, token: str) -> dict[str, Any]:
    """What the app does: hand the video to the service; returns the blob it tells of."""
    query = f"did={proxy.alice.did}&name=a.mp4"
    request = urllib.request.Request(
        f"http://127.0.0.1:{proxy.stranger.server.port}/xrpc/app.bsky.video.uploadVideo?{query}",
        data=MP4,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "video/mp4"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        blob: dict[str, Any] = json.load(answer)["jobStatus"]["blob"]
    return blob
