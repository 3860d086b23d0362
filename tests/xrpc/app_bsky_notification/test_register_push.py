"""app.bsky.notification.registerPush: the service that the body names is told."""

from __future__ import annotations

import json

import pytest

from tests.app_view import LaggingAppView
from tests.proxy_stage import ProxyStage
from tests.web.harness import Answer

NSID = "app.bsky.notification.registerPush"


def register(proxy: ProxyStage, did: str, nsid: str = NSID, **how: str) -> Answer:
    body = {"serviceDid": did, "token": "t", "platform": "ios", "appId": "app.test"}
    return proxy.ask(
        nsid, verb="POST", body=json.dumps(body), Content_Type="application/json", **how
    )


def test_the_app_view_is_told_without_being_looked_up(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    answer = register(proxy, proxy.app_view.did)

    assert (answer.status, answer.body) == (200, b"")
    [asked] = proxy.app_view.server.asked
    assert asked.path == f"/xrpc/{NSID}"
    assert json.loads(asked.body)["token"] == "t"
    assert asked.headers["content-type"] == "application/json"
    [claims] = proxy.app_view.claims
    assert (claims.iss, claims.aud, claims.lxm) == (proxy.alice.did, proxy.app_view.did, NSID)


def test_another_service_is_found_by_its_document(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    proxy.stranger.services["bsky_notif"] = ""

    answer = register(proxy, proxy.stranger.did, to=f"{proxy.app_view.did}#bsky_appview")

    assert answer.status == 200
    [claims] = proxy.stranger.claims
    assert (claims.aud, claims.lxm) == (proxy.stranger.did, NSID)
    assert proxy.app_view.asked == []


def test_whoever_sends_no_notifications_is_refused(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    message = "could not resolve proxy did service url"
    assert register(proxy, proxy.stranger.did).error == (400, "InvalidRequest", message)

    message = "could not resolve proxy did"
    assert register(proxy, "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz").error[2] == message
    assert proxy.stranger.asked == []


@pytest.mark.parametrize("did", ["", "nobody", "did:web:a b"])
def test_the_service_must_be_a_did(app_view: LaggingAppView, did: str) -> None:
    assert register(app_view.proxy, did).error[:2] == (400, "InvalidRequest")


def test_a_refusal_is_passed_on(app_view: LaggingAppView) -> None:
    app_view.says(NSID, {"error": "InvalidToken", "message": "no"}, 400)

    assert register(app_view.proxy, app_view.proxy.app_view.did).error == (
        400,
        "InvalidToken",
        "no",
    )
