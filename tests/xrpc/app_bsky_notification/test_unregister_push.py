"""app.bsky.notification.unregisterPush: the service that the body names is told."""

from __future__ import annotations

from tests.app_view import LaggingAppView
from tests.xrpc.app_bsky_notification.test_register_push import register

NSID = "app.bsky.notification.unregisterPush"


def test_the_service_is_told(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    proxy.stranger.services["bsky_notif"] = ""

    for service in (proxy.app_view, proxy.stranger):
        assert register(proxy, service.did, NSID).status == 200
        [claims] = service.claims
        assert (claims.aud, claims.lxm) == (service.did, NSID)


def test_whoever_sends_no_notifications_is_refused(app_view: LaggingAppView) -> None:
    message = "could not resolve proxy did service url"

    assert register(app_view.proxy, app_view.proxy.stranger.did, NSID).error[2] == message
